import GraphIR
import GraphPasses

/// A graph as it was imported and as the passes leave it, with what they did.
public struct GraphStages: Sendable {
    public var imported: Graph
    public var optimized: Graph
    public var statistics: [PassStatistics]
    public var log: [Rewrite]

    public init(imported: Graph, optimized: Graph, statistics: [PassStatistics], log: [Rewrite]) {
        self.imported = imported
        self.optimized = optimized
        self.statistics = statistics
        self.log = log
    }
}
