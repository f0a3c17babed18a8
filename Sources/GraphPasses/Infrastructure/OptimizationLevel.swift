import GraphIR

/// How far a graph may be changed. Each level includes those below it.
public enum OptimizationLevel: Int, CaseIterable, Comparable, Codable, Sendable {
    /// The graph as it was imported.
    case o0
    /// Exact up to the order of float additions.
    case o1

    public static let standard = OptimizationLevel.o1

    public static func < (a: OptimizationLevel, b: OptimizationLevel) -> Bool { a.rawValue < b.rawValue }

    /// As the command line writes it: `O1`.
    public var name: String { "O\(rawValue)" }

    public init?(name: String) {
        guard let level = OptimizationLevel.allCases.first(where: { $0.name == name.uppercased() }) else { return nil }
        self = level
    }
}

/// Optimises a graph for the image size that it is made for.
public func optimize(_ graph: Graph, level: OptimizationLevel = .standard, options: PipelineOptions = PipelineOptions()) throws
    -> OptimizedGraph
{
    try Pipeline.standard(level: level, adding: options.addedPasses).run(graph, options: options)
}
