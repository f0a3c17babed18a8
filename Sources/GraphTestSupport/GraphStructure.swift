import GraphIR
import Operators

/// What a graph computes of its inputs and parameters, whatever its values and parameters are called and in which order its nodes stand.
public struct GraphStructure {
    /// Numbers shared by graphs that are compared: equal computations have equal numbers.
    public final class Numbers {
        private var numbers: [String: Int] = [:]

        public init() {}

        func number(_ description: String) -> Int {
            if let known = numbers[description] { return known }
            numbers[description] = numbers.count
            return numbers.count - 1
        }
    }

    /// The number of each node's computation, in the order of the nodes.
    let nodes: [(number: Int, line: String)]
    let outputs: [String: Int]

    /// - Parameter identity: what tells a parameter from others: the same for equal tensors.
    public init(_ graph: Graph, numbers: Numbers, identity: (String) throws -> String) rethrows {
        var known: [ValueID: Int] = [:]
        for id in graph.inputs { known[id] = numbers.number("input \(graph[id].name) \(graph.type(id))") }
        for id in graph.parameters { known[id] = numbers.number("parameter \(try identity(graph[id].name)) \(graph.type(id))") }
        var nodes: [(Int, String)] = []
        for id in graph.order {
            let node = graph[id]
            var operands = node.operands.map { known[$0]! }
            if node.op is Add || node.op is Multiply { operands.sort() }
            let types = graph.resultTypes(node).map(\.description).joined(separator: ", ")
            let number = numbers.number("\(node.op.name) \(node.op.attributes) \(operands) \(types)")
            nodes.append((number, graph.line(id)))
            for (index, result) in node.results.enumerated() { known[result] = index == 0 ? number : numbers.number("\(number).\(index)") }
        }
        self.nodes = nodes
        outputs = Dictionary(uniqueKeysWithValues: graph.outputs.map { ($0.name, known[$0.value]!) })
    }

    /// Where two graphs differ: nothing if each node and output of one has its equal in the other.
    public static func differences(_ a: GraphStructure, _ b: GraphStructure) -> [String] {
        func missing(_ nodes: [(number: Int, line: String)], in others: [(number: Int, line: String)]) -> [String] {
            var counts = Dictionary(others.map { ($0.number, 1) }, uniquingKeysWith: +)
            return nodes.compactMap { node in
                counts[node.number, default: 0] -= 1
                return counts[node.number]! < 0 ? node.line : nil
            }
        }
        let (onlyA, onlyB) = (missing(a.nodes, in: b.nodes), missing(b.nodes, in: a.nodes))
        var result = onlyA.prefix(3).map { "only in the first: \($0)" } + onlyB.prefix(3).map { "only in the second: \($0)" }
        if !result.isEmpty { result.insert("\(onlyA.count) and \(onlyB.count) nodes have no equal", at: 0) }
        if a.outputs != b.outputs { result.append("the outputs differ") }
        return result
    }
}
