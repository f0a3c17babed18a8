import Foundation
import GraphIR

/// Any JSON value; attributes of ops become these.
public enum JSONValue: Codable, Hashable, Sendable {
    case integer(Int)
    case number(Double)
    case bool(Bool)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

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

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .bool(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let values): try container.encode(values)
        case .object(let values): try container.encode(values)
        }
    }
}

/// How all views write JSON: keys sorted, so that equal contents are equal files.
public func encodeJSON(_ value: some Encodable, pretty: Bool = true) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = pretty ? [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes] : [.sortedKeys, .withoutEscapingSlashes]
    // A measurement that divides by zero is no reason to lose the rest.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do { return String(decoding: try encoder.encode(value), as: UTF8.self) } catch {
        preconditionFailure("a view that does not encode: \(error)")
    }
}
