import GraphIR

/// The names of a graph's values in an ONNX model, where inputs, parameters and results share one name space and an output is
/// a value by its own name.
struct ExportNames {
    private var names: [ValueID: String] = [:]
    private var used: Set<String>

    /// The names of the outputs.
    private(set) var outputs: [String] = []
    private var shared: Set<ValueID> = []

    init(_ graph: Graph) {
        // What a reader of the model must find keeps its name: inputs, outputs and parameters, in this order.
        used = []
        for id in graph.inputs { names[id] = unique(graph[id].name) }
        for output in graph.outputs {
            guard names[output.value] != output.name else {
                outputs.append(output.name)
                continue
            }
            let name = unique(output.name)
            outputs.append(name)
            // A second output, or one that is no node's result, will be a copy.
            if names[output.value] == nil, graph.producer(of: output.value) != nil { names[output.value] = name }
        }
        shared = Set(graph.outputs.map(\.value))
        for id in graph.parameters { names[id] = unique(graph[id].name) }
        for id in graph.order { for result in graph[id].results where names[result] == nil { names[result] = unique(graph[result].name) } }
    }

    subscript(id: ValueID) -> String { names[id]! }

    /// The name, or with a number behind it where it is taken.
    mutating func unique(_ hint: String) -> String {
        var name = hint.isEmpty ? "value" : hint
        var count = 1
        while !used.insert(name).inserted {
            count += 1
            name = "\(hint)~\(count)"
        }
        return name
    }

    /// Makes a value known under another's name.
    mutating func alias(_ id: ValueID, to name: String) {
        names[id] = name
        shared.insert(id)
    }

    /// Whether a result has a name of its own, which no output has.
    func isOwn(_ id: ValueID) -> Bool { !shared.contains(id) }
}
