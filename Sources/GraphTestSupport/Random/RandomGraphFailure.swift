import GraphIR

/// A random graph that does not give the same numbers in all ways, made small.
public struct RandomGraphFailure: CustomStringConvertible {
    public var seed: UInt64
    public var complaint: String
    public var graph: Graph

    /// Tries the graph of a seed; nil where nothing is wrong.
    public init?(seed: UInt64) {
        let graph = RandomGraph.make(seed: seed)
        let check = GraphCheck(seed: seed, graph)
        guard check.complaint(graph) != nil else { return nil }
        self.seed = seed
        self.graph = GraphShrinker.shrink(graph) { check.complaint($0) != nil }
        complaint = check.complaint(self.graph)! + (check.pipeline.disabledPasses.isEmpty ? "" : ", without \(check.pipeline.disabledPasses)")
        if let limit = check.pipeline.stopAfter { complaint += ", after \(limit) rewrites" }
    }

    public var description: String { "seed \(seed): \(complaint)\n\(graph.text)" }
}
