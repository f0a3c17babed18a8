import GraphIR

/// What a schedule runs at once: a node, or several of them strip by strip.
struct Stage {
    /// What it runs for, last.
    var nodes: [NodeID]
    var kernel: Kernel
    var operands: [(value: ValueID, isRead: Bool)]
    /// Those that have memory of their own.
    var results: [ValueID]
    /// Nil where a node runs as a whole.
    var strips: StripCount?

    var node: NodeID { nodes.last! }
}

extension LoweredGraph {
    func stage(_ id: NodeID) -> Stage {
        let node = graph[id]
        return Stage(
            nodes: [id], kernel: kernels[id]!, operands: node.operands.enumerated().map { ($0.element, node.op.readsData(ofOperand: $0.offset)) },
            results: node.results)
    }
}
