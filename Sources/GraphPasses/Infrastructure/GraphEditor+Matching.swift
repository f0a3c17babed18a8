import GraphIR
import Tensors

/// A node whose op is of a known kind.
public struct Match<MatchedOp: Op> {
    public let node: NodeID
    public let op: MatchedOp
    public let operands: [ValueID]
    public let results: [ValueID]

    /// The first.
    public var result: ValueID { results[0] }
}

extension GraphEditor {
    /// A node, if its op is of that kind.
    public func match<T: Op>(_ kind: T.Type, _ id: NodeID) -> Match<T>? {
        let node = graph[id]
        guard let op = node.op as? T else { return nil }
        return Match(node: id, op: op, operands: node.operands, results: node.results)
    }

    /// The node that makes a value, if its op is of that kind.
    public func match<T: Op>(_ kind: T.Type, making value: ValueID) -> Match<T>? {
        graph.producer(of: value).flatMap { match(kind, $0) }
    }

    /// The same, where besides only one operand reads the value.
    public func matchOnlyUsed<T: Op>(_ kind: T.Type, making value: ValueID) -> Match<T>? {
        onlyUser(of: value) == nil ? nil : match(kind, making: value)
    }

    public func type(_ id: ValueID) -> TensorType { graph.type(id) }

    /// Operands that read a value.
    struct Readers {
        /// Those that read its numbers: which node, as which operand.
        var data: [(node: NodeID, index: Int)] = []
        /// Those that read only its type.
        var typeOnly: [(node: NodeID, index: Int)] = []
    }

    func readers(of value: ValueID) -> Readers {
        var result = Readers()
        var seen: Set<NodeID> = []
        for id in uses(of: value) where seen.insert(id).inserted {
            let node = graph[id]
            for (index, operand) in node.operands.enumerated() where operand == value {
                if node.op.readsData(ofOperand: index) { result.data.append((id, index)) } else { result.typeOnly.append((id, index)) }
            }
        }
        return result
    }

    /// Whether all these operands, which read only a type, would infer the same from another value.
    func canRedirect(_ readers: [(node: NodeID, index: Int)], to value: ValueID) -> Bool {
        readers.allSatisfy { reader in
            let node = graph[reader.node]
            var types = graph.operandTypes(node)
            types[reader.index] = type(value)
            return (try? node.op.inferTypes(types)) == graph.resultTypes(node)
        }
    }

    mutating func redirect(_ readers: [(node: NodeID, index: Int)], to value: ValueID) {
        for reader in readers { setOperand(reader.index, of: reader.node, to: value) }
    }
}
