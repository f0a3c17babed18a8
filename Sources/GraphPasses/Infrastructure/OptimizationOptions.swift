/// How graphs are optimised before they run.
public struct OptimizationOptions: Sendable {
    public var level = OptimizationLevel.standard
    public var pipeline = PipelineOptions()

    public init() {}
}
