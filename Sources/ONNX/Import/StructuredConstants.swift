import GraphIR
import Operators
import Tensors

/// Initialisers that are no weights of a model but part of what it computes: passes must see their numbers.
///
/// Exporters write the ones and zeros of a norm without weights and the frequencies of a timestep's waves as initialisers, too;
/// those become constants in the graph.
struct StructuredConstants {
    let graph: Graph
    /// The tensor of a parameter.
    let tensor: (String) throws -> Tensor

    /// Larger tensors are not looked at.
    private static let elementLimit = 1 << 24

    /// The same graph with constants in the place of such parameters.
    func resolved() throws -> Graph {
        var editor = GraphEditor(graph)
        for id in graph.order {
            let node = graph[id]
            switch node.op {
            case let norm as GroupNorm where norm.groups == graph.type(node.operands[0]).shape[1]:
                for index in 1...2 { try replace(index, of: id, in: &editor) { splat($0) } }
            case is Multiply where isRead(node.results[0], editor, byAll: isWave):
                for index in 0...1 { try replace(index, of: id, in: &editor) { Constant($0) } }
            default: break
            }
        }
        editor.eraseUnused(editor.graph.order.reversed())
        editor.eraseUnusedParameters()
        return editor.graph
    }

    private func isRead(_ value: ValueID, _ editor: GraphEditor, byAll isReader: (any Op) -> Bool) -> Bool {
        let readers = editor.uses(of: value)
        return !readers.isEmpty && readers.allSatisfy { isReader(editor.graph[$0].op) }
    }

    private func isWave(_ op: any Op) -> Bool {
        guard let function = (op as? Unary)?.function else { return false }
        return function == .cos || function == .sin
    }

    /// The parameter that an operand is, perhaps seen with another shape.
    private func parameter(_ index: Int, of node: NodeID, _ editor: GraphEditor) throws -> Tensor? {
        var value = editor.graph[node].operands[index]
        while let producer = editor.graph.producer(of: value), editor.graph[producer].op is Reshape { value = editor.graph[producer].operands[0] }
        guard case .parameter(let key) = editor.graph[value].definition, editor.graph.type(value).elementType == .float32,
            editor.graph.type(value).elementCount <= Self.elementLimit
        else { return nil }
        let tensor = try tensor(key)
        return tensor.type.elementType == .float32 ? tensor : nil
    }

    private func replace(_ index: Int, of node: NodeID, in editor: inout GraphEditor, by make: (Tensor) -> Constant?) throws {
        guard let tensor = try parameter(index, of: node, editor), let constant = make(tensor) else { return }
        let operand = editor.graph[node].operands[index]
        var shaped = constant
        shaped.shape = editor.graph.type(operand).shape.dimensions
        let name = "\(editor.graph.name(of: node)).constant"
        editor.setOperand(index, of: node, to: try editor.insert(shaped, [], before: node, name: name)[0])
    }

    private func splat(_ tensor: Tensor) -> Constant? {
        let values = tensor.floatArray
        guard let first = values.first, values.allSatisfy({ $0 == first }) else { return nil }
        return Constant(.float32, tensor.shape, [Double(first)])
    }
}
