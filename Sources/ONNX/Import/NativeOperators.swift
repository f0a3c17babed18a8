import Files
import GraphIR
import Operators
import Tensors

/// Function nodes that our own exporter writes for ops that ONNX does not have: the node is the op, the function says what it computes to
/// everybody else.
enum NativeOperators {
    static let domain = "deblurdiff"

    /// The rule for a node of our domain; nil where its name is none of an op, so that its function is taken as any other is.
    static func rule(_ opType: String) -> ImportRule? {
        // What follows a dot tells apart functions of one op.
        let name = String(opType.prefix { $0 != "." })
        guard OpRegistry.standard[name] != nil else { return nil }
        var rule = ImportRule(opType) { node in
            do {
                let op = try OpRegistry.standard.makeOp(name, attributes: node.nativeAttributes())
                return try node.applyNative(op, node.allInputs())
            } catch let error as InputError {
                // A newer version may have written it; then what it computes still stands in the function.
                guard let function = node.importer.model.functions[node.node.functionKey] else { throw error }
                return try node.inline(function)
            }
        }
        rule.replacesFunctions = true
        return rule
    }
}

extension NodeImport {
    fileprivate func nativeAttributes() throws -> AttributeDictionary {
        var result = AttributeDictionary()
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
            result[name] =
                switch value {
                case .integer(let value): .integer(value)
                case .float(let value): number(value)
                case .string(let text): word(text)
                case .integers(let values): .list(values.map(Attribute.integer))
                case .floats(let values): .list(values.map(number))
                case .strings(let texts): .list(texts.map(word))
                default: throw InputError("its attribute '\(name)' is of a kind that no op has")
                }
        }
        return result
    }

    /// As the text form writes it: the shortest decimal number.
    private func number(_ value: Float) -> Attribute { .float(Double(value.description) ?? Double(value)) }
    private func word(_ text: String) -> Attribute { text == "true" ? .bool(true) : text == "false" ? .bool(false) : .string(text) }

    fileprivate func applyNative(_ op: any Op, _ operands: [ImportedValue]) throws -> [ImportedValue] {
        try importer.apply(op, operands.map { ($0, isWeight($0) ? .weight : .operand) }, name: "\(hint).\(op.name)")
    }
}
