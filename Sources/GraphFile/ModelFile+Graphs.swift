import Files
import GraphIR
import Operators
import Tensors

extension ModelFile {
    /// Sorted.
    public var graphNames: [String] { graphs.keys.sorted() }

    /// All graphs by name.
    public func allGraphs(ops: OpRegistry = .standard) throws -> [String: Graph] {
        try Dictionary(uniqueKeysWithValues: graphNames.map { ($0, try graph($0, ops: ops)) })
    }

    /// Reads a graph and checks that the file's tensors are those that it names.
    ///
    /// - `ops`: those that the graph may have.
    public func graph(_ name: String, ops: OpRegistry = .standard) throws -> Graph {
        guard let text = graphs[name] else {
            throw InputError("there is no graph '\(name)'", at: path, advice: "The graphs are: " + graphNames.joined(separator: ", "))
        }
        do {
            let graph = try GraphParser.parse(text, registry: ops)
            for id in graph.parameters { try checkStored(graph[id].name, graph.type(id)) }
            return graph
        } catch let error as InputError {
            throw error.at("\(path): graph '\(name)'")
        }
    }

    /// Where a graph says f32, the file may store any float type; everything else is stored as it is.
    private func checkStored(_ key: String, _ type: TensorType) throws {
        guard let stored = self.type(of: key) else { throw InputError("the graph reads '\(key)', which the file does not hold") }
        let fits = type.elementType == .float32 ? stored.elementType.isFloatingPoint : stored.elementType == type.elementType
        guard stored.shape == type.shape, type.layout == .rowMajor, fits else {
            throw InputError("the graph reads '\(key)' as \(type), but the file holds \(stored)")
        }
    }
}
