import Files
import Tensors

/// Writes a graph from front to back.
///
/// Values are named after the scope they are made in and the op that makes them, so that every line of the text form says
/// where in the network it belongs: `%input_blocks.1.0.conv2d`.
public struct GraphBuilder {
    public private(set) var graph: Graph
    private var scopes: [String] = []
    private var usedNames: Set<String> = []

    public init(name: String) { graph = Graph(name: name) }

    /// Goes on behind the nodes of another graph, whose values keep their identities and names. It has no outputs yet.
    public init(name: String, goingOnBehind other: Graph) {
        graph = other
        graph.name = name
        graph.outputs = []
        usedNames = Set(other.valueIDs.filter { !other[$0].isParameter }.map { other[$0].name })
    }

    public mutating func input(_ name: String, _ type: TensorType) -> ValueID {
        precondition(usedNames.insert(name).inserted, "two inputs named \(name)")
        let id = graph.addValue(Value(name: name, type: type, definition: .input))
        graph.inputs.append(id)
        return id
    }

    /// A tensor of the model, by its key. Asking twice gives the same value.
    public mutating func parameter(_ key: String, _ type: TensorType) -> ValueID { graph.addParameter(key, type) }

    public mutating func output(_ name: String, _ value: ValueID) {
        graph.outputs.append(Graph.Output(name: name, value: value))
    }

    public func type(_ id: ValueID) -> TensorType { graph.type(id) }

    /// Appends an op with one result.
    public mutating func apply(_ op: some Op, _ operands: ValueID..., name: String? = nil) throws -> ValueID {
        try apply(op, operands, name: name)[0]
    }

    public mutating func apply(_ op: some Op, _ operands: [ValueID], name: String? = nil, origins: [String] = []) throws -> [ValueID] {
        let types: [TensorType]
        do {
            types = try Graph.inferTypes(op, operands.map(graph.type))
        } catch let error as InputError {
            throw error.at("\(graph.name): \(op.name) in \(scopes.joined(separator: "."))")
        }
        let hint = (scopes + [name ?? op.name]).joined(separator: ".")
        return graph.appendNode(op, operands, types, names: types.indices.map { _ in uniqueName(hint) }, origins: origins)
    }

    /// Gives a result another name, or one like it where that is taken.
    public mutating func rename(_ id: ValueID, to hint: String) {
        guard case .result = graph[id].definition, graph[id].name != hint else { return }
        usedNames.remove(graph[id].name)
        graph.values[id.index]!.name = uniqueName(hint)
    }

    /// Puts another part in front of the names that are made from now on, until ``leaveScope()``.
    public mutating func enterScope(_ name: String) { scopes.append(name) }
    public mutating func leaveScope() { scopes.removeLast() }

    /// Copies another graph's nodes in here, its inputs replaced by these values; the result is its outputs by name. Its parameters get `parameterPrefix` in front of their names.
    public mutating func inline(_ other: Graph, inputs: [String: ValueID], parameterPrefix: String = "") throws -> [String: ValueID] {
        var map: [ValueID: ValueID] = [:]
        for id in other.inputs {
            let name = other[id].name
            guard let value = inputs[name] else { preconditionFailure("no value for input '\(name)' of \(other.name)") }
            map[id] = value
        }
        for id in other.parameters { map[id] = graph.addParameter(parameterPrefix + other[id].name, other.type(id)) }
        let prefix = scopes.joined(separator: ".")
        func scoped(_ name: String) -> String { prefix.isEmpty ? name : "\(prefix).\(name)" }
        for id in other.order {
            let node = other[id]
            let operands = node.operands.map { map[$0]! }
            let types = try Graph.inferTypes(node.op, operands.map(graph.type))
            let names = node.results.map { uniqueName(scoped(other[$0].name)) }
            let results = graph.appendNode(node.op, operands, types, names: names, origins: node.origins.map(scoped))
            for (old, new) in zip(node.results, results) { map[old] = new }
        }
        return Dictionary(uniqueKeysWithValues: other.outputs.map { ($0.name, map[$0.value]!) })
    }

    private mutating func uniqueName(_ hint: String) -> String {
        var name = hint
        var count = 1
        while !usedNames.insert(name).inserted {
            count += 1
            name = "\(hint)_\(count)"
        }
        return name
    }
}

extension Graph {
    mutating func addValue(_ value: Value) -> ValueID {
        values.append(value)
        return ValueID(index: values.count - 1)
    }

    mutating func addParameter(_ key: String, _ type: TensorType) -> ValueID {
        if let id = parametersByKey[key] {
            precondition(self.type(id) == type, "parameter '\(key)' declared as \(self.type(id)) and as \(type)")
            return id
        }
        let id = addValue(Value(name: key, type: type, definition: .parameter(key)))
        parametersByKey[key] = id
        return id
    }

    mutating func addNode(_ op: any Op, _ operands: [ValueID], _ types: [TensorType], names: [String], origins: [String])
        -> NodeID
    {
        let node = NodeID(index: nodes.count)
        let results = types.indices.map { index in
            addValue(Value(name: names[index], type: types[index], definition: .result(node, index)))
        }
        nodes.append(Node(op: op, operands: operands, results: results, origins: origins))
        return node
    }

    mutating func appendNode(
        _ op: any Op, _ operands: [ValueID], _ types: [TensorType], names: [String], origins: [String]
    ) -> [ValueID] {
        let node = addNode(op, operands, types, names: names, origins: origins)
        order.append(node)
        return self[node].results
    }
}
