import Files
import GraphIR

/// Attributes of ops as JSON.
extension JSONValue {
    init(_ attribute: Attribute) {
        switch attribute {
        case .integer(let value): self = .integer(value)
        // JSON has no infinity, so those are words.
        case .float(let value): self = value.isFinite ? .number(value) : .string("\(value)")
        case .bool(let value): self = .bool(value)
        case .string(let value): self = .string(value)
        case .list(let values): self = .array(values.map(JSONValue.init))
        case .dictionary(let values): self = JSONValue(values)
        }
    }

    init(_ attributes: AttributeDictionary) {
        self = .object(Dictionary(attributes.entries.map { ($0.key, JSONValue($0.value)) }, uniquingKeysWith: { first, _ in first }))
    }
}
