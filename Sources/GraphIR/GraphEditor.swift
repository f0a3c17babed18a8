import Files
import Tensors

/// The only way to change a graph. It keeps the table of uses, so that rewriting rules can ask who reads a value.
public struct GraphEditor {
    public private(set) var graph: Graph
    private var usesOf: [[NodeID]]
    private var outputUses: [Int]
    private var names: Set<String>
    /// Numbers that rise along the order, with room between them, so that most insertions renumber nothing.
    private var labels: [Int]
    private static let labelGap = 1 << 20
    private var changes = GraphChanges()

    public init(_ graph: Graph) {
        self.graph = graph
        usesOf = Array(repeating: [], count: graph.values.count)
        outputUses = Array(repeating: 0, count: graph.values.count)
        labels = Array(repeating: 0, count: graph.nodes.count)
        names = Set(graph.values.lazy.compactMap { $0 }.filter { !$0.isParameter }.map(\.name))
        for (position, id) in graph.order.enumerated() {
            labels[id.index] = (position + 1) * GraphEditor.labelGap
            for operand in graph[id].operands { usesOf[operand.index].append(id) }
        }
        for output in graph.outputs { outputUses[output.value.index] += 1 }
    }

    /// The nodes that read a value, once for each operand.
    public func uses(of id: ValueID) -> [NodeID] { usesOf[id.index] }

    public func isOutput(_ id: ValueID) -> Bool { outputUses[id.index] > 0 }

    /// The only node that reads a value, if there is just one reading operand and the value is no output.
    public func onlyUser(of id: ValueID) -> NodeID? {
        usesOf[id.index].count == 1 && !isOutput(id) ? usesOf[id.index][0] : nil
    }

    /// A number that is larger for nodes that stand later; it may change with every insertion.
    public func position(of id: NodeID) -> Int { labels[id.index] }

    /// The place of a node in the order.
    private func orderIndex(of id: NodeID) -> Int {
        var (low, high) = (0, graph.order.count)
        while low < high {
            let middle = (low + high) / 2
            if labels[graph.order[middle].index] < labels[id.index] { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func putIntoOrder(_ id: NodeID, at index: Int) {
        func bounds() -> (before: Int, after: Int) {
            let before = index > 0 ? labels[graph.order[index - 1].index] : 0
            return (before, index < graph.order.count ? labels[graph.order[index].index] : before + 2 * GraphEditor.labelGap)
        }
        var (before, after) = bounds()
        if after - before < 2 {
            for (position, node) in graph.order.enumerated() { labels[node.index] = (position + 1) * GraphEditor.labelGap }
            (before, after) = bounds()
        }
        labels.append((before + after) / 2)
        graph.order.insert(id, at: index)
    }

    /// Puts a new node in front of another one.
    @discardableResult
    public mutating func insert(
        _ op: any Op, _ operands: [ValueID], before: NodeID, name: String, origins: [String] = []
    ) throws -> [ValueID] {
        try insert(op, operands, at: orderIndex(of: before), name: name, origins: origins)
    }

    /// Puts a new node behind the last of the nodes that make its operands.
    @discardableResult
    public mutating func insertAfterOperands(_ op: any Op, _ operands: [ValueID], name: String, origins: [String] = []) throws
        -> [ValueID]
    {
        let last = operands.compactMap(graph.producer).max { position(of: $0) < position(of: $1) }
        return try insert(op, operands, at: last.map { orderIndex(of: $0) + 1 } ?? 0, name: name, origins: origins)
    }

    /// Puts a new node in front of another one, or behind the last of the nodes that make its operands if that stands later.
    @discardableResult
    public mutating func insert(_ op: any Op, _ operands: [ValueID], from: NodeID, name: String, origins: [String] = []) throws -> [ValueID] {
        let last = operands.compactMap(graph.producer).max { position(of: $0) < position(of: $1) }
        let index = max(orderIndex(of: from), last.map { orderIndex(of: $0) + 1 } ?? 0)
        return try insert(op, operands, at: index, name: name, origins: origins)
    }

    private mutating func insert(_ op: any Op, _ operands: [ValueID], at position: Int, name: String, origins: [String]) throws
        -> [ValueID]
    {
        let types: [TensorType]
        do { types = try Graph.inferTypes(op, operands.map(graph.type)) } catch let error as InputError {
            throw error.at("\(graph.name): new \(op.name) for %\(name)")
        }
        let node = graph.addNode(op, operands, types, names: types.indices.map { _ in uniqueName(name) }, origins: origins)
        putIntoOrder(node, at: position)
        usesOf.append(contentsOf: types.map { _ in [] })
        outputUses.append(contentsOf: types.map { _ in 0 })
        for operand in operands { usesOf[operand.index].append(node) }
        changes.inserted.append(node)
        return graph[node].results
    }

    /// Makes a parameter known; asking twice gives the same value.
    public mutating func parameter(_ key: String, _ type: TensorType) -> ValueID {
        let id = graph.addParameter(key, type)
        while usesOf.count < graph.values.count {
            usesOf.append([])
            outputUses.append(0)
        }
        return id
    }

    /// Adds an input behind the others.
    public mutating func addInput(_ name: String, _ type: TensorType) -> ValueID {
        precondition(names.insert(name).inserted, "two values named \(name)")
        let id = graph.addValue(Value(name: name, type: type, definition: .input))
        graph.inputs.append(id)
        usesOf.append([])
        outputUses.append(0)
        return id
    }

    /// Removes an input that nothing reads.
    public mutating func removeInput(_ id: ValueID) {
        precondition(usesOf[id.index].isEmpty && !isOutput(id), "an input in use")
        graph.inputs.removeAll { $0 == id }
        names.remove(graph[id].name)
        graph.values[id.index] = nil
    }

    /// Adds an output behind the others.
    public mutating func addOutput(_ name: String, _ value: ValueID) {
        precondition(graph.output(name) == nil)
        graph.outputs.append(Graph.Output(name: name, value: value))
        outputUses[value.index] += 1
    }

    public mutating func removeOutput(_ name: String) {
        guard let index = graph.outputs.firstIndex(where: { $0.name == name }) else { return }
        outputUses[graph.outputs[index].value.index] -= 1
        graph.outputs.remove(at: index)
    }

    /// Makes every reader of one value read another.
    public mutating func replaceUses(of old: ValueID, with new: ValueID) {
        precondition(old != new)
        for node in usesOf[old.index] {
            graph.nodes[node.index]!.operands = graph[node].operands.map { $0 == old ? new : $0 }
        }
        usesOf[new.index].append(contentsOf: usesOf[old.index])
        usesOf[old.index] = []
        for index in graph.outputs.indices where graph.outputs[index].value == old {
            graph.outputs[index].value = new
            outputUses[new.index] += 1
        }
        outputUses[old.index] = 0
    }

    /// Replaces one operand of one node.
    public mutating func setOperand(_ index: Int, of node: NodeID, to value: ValueID) {
        let old = graph[node].operands[index]
        guard old != value else { return }
        graph.nodes[node.index]!.operands[index] = value
        if let use = usesOf[old.index].firstIndex(of: node) { usesOf[old.index].remove(at: use) }
        usesOf[value.index].append(node)
        changes.modified.append(node)
    }

    /// Makes an output another value of the same type.
    public mutating func setOutput(_ name: String, to value: ValueID) {
        guard let index = graph.outputs.firstIndex(where: { $0.name == name }) else { preconditionFailure("no output '\(name)'") }
        outputUses[graph.outputs[index].value.index] -= 1
        graph.outputs[index].value = value
        outputUses[value.index] += 1
    }

    /// Infers the types of a node's results again, after those of its operands have changed.
    public mutating func inferAgain(_ id: NodeID) throws {
        let node = graph[id]
        for (result, type) in zip(node.results, try Graph.inferTypes(node.op, graph.operandTypes(node))) where graph.type(result) != type {
            graph.values[result.index]!.type = type
            changes.modified.append(id)
        }
    }

    /// Adds the nodes that another one's origins name to a node's own, where it has come to do the other's work as well.
    public mutating func addOrigins(of other: NodeID, to node: NodeID) {
        graph.nodes[node.index]!.origins = origins(of: [node, other])
    }

    /// What has changed since this was last called.
    public mutating func takeChanges() -> GraphChanges {
        defer { changes = GraphChanges() }
        return changes
    }

    /// Removes a node whose results nothing reads.
    public mutating func erase(_ id: NodeID) {
        let node = graph[id]
        changes.erased.append(.init(id: id, name: graph.name(of: id), op: node.op.name))
        for result in node.results {
            precondition(usesOf[result.index].isEmpty && !isOutput(result), "a node in use: %\(graph[result].name)")
            names.remove(graph[result].name)
            graph.values[result.index] = nil
        }
        for operand in node.operands {
            if let use = usesOf[operand.index].firstIndex(of: id) { usesOf[operand.index].remove(at: use) }
        }
        graph.order.remove(at: orderIndex(of: id))
        graph.nodes[id.index] = nil
    }

    /// Replaces a node by a new one that does its work, whose results take over the readers and the names; it may have more of them.
    ///
    /// - `absorbed`: nodes whose work the new one does as well; erased where nothing reads them any more.
    /// - `from`: an earlier node; the new one stands in front of it if its operands allow, else as soon as they do.
    @discardableResult
    public mutating func replace(
        _ id: NodeID, with op: any Op, _ operands: [ValueID], absorbing absorbed: [NodeID] = [], from: NodeID? = nil
    ) throws -> [ValueID] {
        let node = graph[id]
        let origins = origins(of: absorbed + [id])
        let name = graph.name(of: id)
        let results = try insert(op, operands, from: from ?? id, name: name, origins: origins)
        precondition(results.prefix(node.results.count).map(graph.type) == graph.resultTypes(node), "%\(name) would change its type")
        let oldNames = node.results.map { graph[$0].name }
        for (old, new) in zip(node.results, results) { replaceUses(of: old, with: new) }
        erase(id)
        for (name, new) in zip(oldNames, results) { rename(new, to: name) }
        eraseUnused(absorbed)
        return results
    }

    /// Makes the readers of a node's only result read another value, and erases the node.
    public mutating func replace(_ id: NodeID, by value: ValueID) {
        precondition(graph[id].results.count == 1 && graph.type(graph[id].results[0]) == graph.type(value))
        replaceUses(of: graph[id].results[0], with: value)
        erase(id)
    }

    /// Erases those of the nodes that nothing reads, and goes on until none is left.
    public mutating func eraseUnused(_ candidates: [NodeID]) {
        var again = true
        while again {
            again = false
            for id in candidates where graph.contains(id) && isUnused(id) {
                erase(id)
                again = true
            }
        }
    }

    public func isUnused(_ id: NodeID) -> Bool {
        graph[id].results.allSatisfy { usesOf[$0.index].isEmpty && !isOutput($0) }
    }

    /// What a node that does the work of these should name as its origins.
    public func origins(of nodes: [NodeID]) -> [String] {
        var seen: Set<String> = []
        return nodes.sorted { position(of: $0) < position(of: $1) }
            .flatMap { graph[$0].origins.isEmpty ? [graph.name(of: $0)] : graph[$0].origins }
            .filter { seen.insert($0).inserted }
    }

    /// Gives a value a name; the names of values stay unique.
    public mutating func rename(_ id: ValueID, to name: String) {
        guard graph[id].name != name else { return }
        names.remove(graph[id].name)
        precondition(names.insert(name).inserted, "two values named \(name)")
        graph.values[id.index]!.name = name
    }

    /// Puts the nodes into another order in which they can run.
    public mutating func reorder(_ order: [NodeID]) {
        precondition(order.count == graph.order.count && Set(order) == Set(graph.order))
        graph.order = order
        for (position, id) in order.enumerated() { labels[id.index] = (position + 1) * GraphEditor.labelGap }
    }

    /// Drops parameters that nothing reads. Returns whether there were any.
    @discardableResult
    public mutating func eraseUnusedParameters() -> Bool {
        let unused = graph.parametersByKey.filter { usesOf[$0.value.index].isEmpty && !isOutput($0.value) }
        for (key, id) in unused {
            graph.parametersByKey[key] = nil
            graph.values[id.index] = nil
        }
        changes.erasedParameters += unused.keys.sorted()
        return !unused.isEmpty
    }

    private mutating func uniqueName(_ hint: String) -> String {
        var name = hint
        var count = 1
        while !names.insert(name).inserted {
            count += 1
            name = "\(hint)_\(count)"
        }
        return name
    }
}
