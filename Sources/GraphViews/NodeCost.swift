import GraphIR
import GraphRuntime

/// What running a node once takes.
public struct NodeCost: Codable, Hashable, Sendable {
    public var flop = 0
    /// Bytes of parameters that are read.
    public var weightBytes = 0
    /// Bytes of other values that are read.
    public var readBytes = 0
    public var writtenBytes = 0

    public init(flop: Int = 0, weightBytes: Int = 0, readBytes: Int = 0, writtenBytes: Int = 0) {
        self.flop = flop
        self.weightBytes = weightBytes
        self.readBytes = readBytes
        self.writtenBytes = writtenBytes
    }

    public init(_ graph: Graph, _ id: NodeID) {
        let node = graph[id]
        guard !NodeCost.isView(graph, id) else { return }
        flop = node.op.floatingPointOperations(operands: graph.operandTypes(node), results: graph.resultTypes(node))
        var seen: Set<ValueID> = []
        for (index, operand) in node.operands.enumerated() where node.op.readsData(ofOperand: index) && seen.insert(operand).inserted {
            let byteCount = graph.type(operand).byteCount
            if graph[operand].isParameter { weightBytes += byteCount } else { readBytes += byteCount }
        }
        writtenBytes = node.results.reduce(0) { $0 + graph.type($1).byteCount }
    }

    public var activationBytes: Int { readBytes + writtenBytes }
    public var bytes: Int { weightBytes + activationBytes }

    public static func + (a: NodeCost, b: NodeCost) -> NodeCost {
        NodeCost(
            flop: a.flop + b.flop, weightBytes: a.weightBytes + b.weightBytes, readBytes: a.readBytes + b.readBytes,
            writtenBytes: a.writtenBytes + b.writtenBytes)
    }

    public static func += (a: inout NodeCost, b: NodeCost) { a = a + b }

    /// Whether the node's results are part of an operand's memory or known beforehand, so that nothing runs.
    public static func isView(_ graph: Graph, _ id: NodeID) -> Bool {
        graph[id].op is any LiteralOp || graph.views(graph[id]) != nil
    }
}
