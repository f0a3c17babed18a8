import Tensors

extension Graph {
    /// A graph of some of this graph's nodes, in their order. What they read that others make becomes an input of that name;
    /// inputs keep their order, and those that come from other nodes follow.
    public func extract(_ name: String, nodes chosen: [NodeID], outputs: [Output]) -> Graph {
        var result = Graph(name: name)
        var map: [ValueID: ValueID] = [:]
        let made = Set(chosen.flatMap { self[$0].results })
        let read = chosen.flatMap { self[$0].operands } + outputs.map(\.value)
        let needed = Set(read)
        var seen: Set<ValueID> = []
        let foreign = read.filter { !made.contains($0) && producer(of: $0) != nil && seen.insert($0).inserted }
        for id in inputs.filter(needed.contains) + foreign {
            map[id] = result.addValue(Value(name: self[id].name, type: type(id), definition: .input))
            result.inputs.append(map[id]!)
        }
        for id in parameters where needed.contains(id) { map[id] = result.addParameter(self[id].name, type(id)) }
        for id in chosen {
            let node = self[id]
            let results = result.appendNode(
                node.op, node.operands.map { map[$0]! }, resultTypes(node), names: node.results.map { self[$0].name },
                origins: node.origins)
            for (old, new) in zip(node.results, results) { map[old] = new }
        }
        result.outputs = outputs.map { Output(name: $0.name, value: map[$0.value]!) }
        return result
    }
}
