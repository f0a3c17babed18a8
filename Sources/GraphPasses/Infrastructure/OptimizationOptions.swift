/// How graphs are optimised before they run.
public struct OptimizationOptions: Sendable {
    public var level = OptimizationLevel.standard
    public var pipeline = PipelineOptions()
    /// Parts that a model's graphs are built without, as its family names them.
    public var without: Set<String> = []

    public init() {}
}
