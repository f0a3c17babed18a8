import Tensors

/// Names a value within one graph.
public struct ValueID: Hashable, Sendable, Comparable {
    public let index: Int
    public static func < (a: ValueID, b: ValueID) -> Bool { a.index < b.index }
}

/// Names a node within one graph.
public struct NodeID: Hashable, Sendable, Comparable {
    public let index: Int
    public static func < (a: NodeID, b: NodeID) -> Bool { a.index < b.index }
}

/// Something that nodes read or make: an input, a parameter of the model, or a result of a node.
public struct Value: Sendable {
    public enum Definition: Hashable, Sendable {
        case input
        /// The key of the tensor in the checkpoint or model file.
        case parameter(String)
        case result(NodeID, Int)
    }

    /// Unique among inputs and results; for parameters their key.
    public internal(set) var name: String
    public internal(set) var type: TensorType
    public internal(set) var definition: Definition

    public var isParameter: Bool { if case .parameter = definition { true } else { false } }
}

/// An op applied to values.
public struct Node: Sendable {
    public internal(set) var op: any Op
    public internal(set) var operands: [ValueID]
    public internal(set) var results: [ValueID]
    /// Names of the imported nodes whose work this node does, where rewriting made it. Empty for an imported node.
    public internal(set) var origins: [String]
}

/// A computation: typed values and the nodes that make them, in an order in which they can run.
///
/// A value type. All changes go through ``GraphEditor`` (or ``GraphBuilder`` while it is being made).
public struct Graph: Sendable {
    public struct Output: Hashable, Sendable {
        public var name: String
        public var value: ValueID

        public init(name: String, value: ValueID) {
            self.name = name
            self.value = value
        }
    }

    public var name: String
    public internal(set) var inputs: [ValueID] = []
    public internal(set) var outputs: [Output] = []
    /// The nodes in the order in which they run.
    public internal(set) var order: [NodeID] = []
    var values: [Value?] = []
    var nodes: [Node?] = []
    var parametersByKey: [String: ValueID] = [:]

    public init(name: String) { self.name = name }

    public subscript(id: ValueID) -> Value { values[id.index]! }
    public subscript(id: NodeID) -> Node { nodes[id.index]! }

    public func contains(_ id: NodeID) -> Bool { id.index < nodes.count && nodes[id.index] != nil }
    public func contains(_ id: ValueID) -> Bool { id.index < values.count && values[id.index] != nil }

    public func type(_ id: ValueID) -> TensorType { self[id].type }

    /// The parameters, sorted by key.
    public var parameters: [ValueID] { parametersByKey.sorted { $0.key < $1.key }.map(\.value) }

    public func parameter(_ key: String) -> ValueID? { parametersByKey[key] }

    public func input(_ name: String) -> ValueID? { inputs.first { self[$0].name == name } }

    public func output(_ name: String) -> ValueID? { outputs.first { $0.name == name }?.value }

    /// The node that makes a value, or nil for inputs and parameters.
    public func producer(of id: ValueID) -> NodeID? {
        if case .result(let node, _) = self[id].definition { node } else { nil }
    }

    public func operandTypes(_ node: Node) -> [TensorType] { node.operands.map(type) }
    public func resultTypes(_ node: Node) -> [TensorType] { node.results.map(type) }

    /// A node's name: that of its first result.
    public func name(of id: NodeID) -> String { self[self[id].results[0]].name }

    /// All values, in order of their index.
    public var valueIDs: [ValueID] { values.indices.compactMap { values[$0] == nil ? nil : ValueID(index: $0) } }

    /// Which nodes read each value (a node once for each operand).
    public func uses() -> [ValueID: [NodeID]] {
        var result: [ValueID: [NodeID]] = [:]
        for id in order { for operand in self[id].operands { result[operand, default: []].append(id) } }
        return result
    }

    /// Floating-point operations of all nodes.
    public var floatingPointOperations: Int {
        order.reduce(0) { sum, id in
            let (total, overflow) = sum.addingReportingOverflow(floatingPointOperations(of: id))
            return overflow ? .max : total
        }
    }

    public func floatingPointOperations(of id: NodeID) -> Int {
        self[id].op.floatingPointOperations(operands: operandTypes(self[id]), results: resultTypes(self[id]))
    }

    /// How many nodes there are of each kind.
    public var nodeCounts: [String: Int] {
        order.reduce(into: [:]) { $0[self[$1].op.name, default: 0] += 1 }
    }
}
