import GraphIR

/// The functions of a model: one for each op and body.
struct FunctionTable {
    private struct Key: Hashable {
        var op: String
        var operandCount: Int
        var nodes: [ExportBody.Node]
        var outputs: [String]
        var attributes: [String]
    }

    private var known: [Key: String] = [:]
    private var counts: [String: Int] = [:]

    /// The name of the function with that body, which is added to the model where it is new: the op's name, with a number from the
    /// second on.
    mutating func name(of op: any Op, _ body: ExportBody, _ outputs: [String], _ attributes: [String], in message: ModelMessage) -> String {
        let key = Key(op: op.name, operandCount: body.operands.count, nodes: body.nodes, outputs: outputs, attributes: attributes)
        if let name = known[key] { return name }
        counts[op.name, default: 0] += 1
        let name = counts[op.name] == 1 ? op.name : "\(op.name).\(counts[op.name]!)"
        known[key] = name
        let results = outputs.indices.map { "y\($0)" }
        let function = message.addFunction(
            domain: ONNXExport.domain, name: name, documentation: "", inputs: body.operands, outputs: results, attributes: attributes)
        var names = Dictionary(uniqueKeysWithValues: zip(outputs, results))
        for operand in body.operands where names[operand] != nil {
            message.addNode(in: function, "Identity", inputs: [operand], outputs: [names[operand]!], attributes: [])
            names[operand] = nil
        }
        for node in body.nodes {
            message.addNode(
                in: function, node.operation, inputs: node.inputs.map { names[$0] ?? $0 }, outputs: node.outputs.map { names[$0] ?? $0 },
                attributes: node.attributes.map { ($0.name, $0.value) })
        }
        return name
    }
}

extension ONNXAttributeValue {
    /// An op's attribute. Truth values are the words that they have in the text form, since ONNX has none.
    init(_ attribute: Attribute) {
        switch attribute {
        case .integer(let value): self = .integer(value)
        case .float(let value): self = .float(Float(value))
        case .bool(let value): self = .string(String(value))
        case .string(let value): self = .string(value)
        case .dictionary(let values): self = .string(values.description)
        case .list(let values):
            let integers = values.compactMap { if case .integer(let value) = $0 { value } else { nil } }
            let floats = values.compactMap { if case .float(let value) = $0 { Float(value) } else { nil } }
            self =
                if integers.count == values.count { .integers(integers) } else if floats.count == values.count { .floats(floats) } else {
                    .strings(values.map { if case .string(let value) = $0 { value } else { $0.description } })
                }
        }
    }
}
