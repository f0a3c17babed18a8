/// The value of one attribute of an op, as the text form writes it.
public indirect enum Attribute: Hashable, Sendable, CustomStringConvertible {
    case integer(Int)
    case float(Double)
    case bool(Bool)
    case string(String)
    case list([Attribute])
    case dictionary(AttributeDictionary)

    /// Larger integers are refused on reading, so that products of a size and an attribute cannot overflow.
    public static let integerLimit = 1 << 31

    public var description: String {
        switch self {
        case .integer(let value): "\(value)"
        case .float(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .string(let value): Attribute.isBareWord(value) ? value : Attribute.quoted(value)
        case .list(let values): "[" + values.map(\.description).joined(separator: ", ") + "]"
        case .dictionary(let values): values.description
        }
    }

    /// Whether a string can stand without quotes.
    static func isBareWord(_ text: String) -> Bool {
        guard let first = text.utf8.first, isLetter(first) else { return false }
        guard !["true", "false", "inf", "nan"].contains(text) else { return false }
        return text.utf8.allSatisfy { isLetter($0) || (48...57).contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (97...122).contains(byte) || (65...90).contains(byte) || byte == 95 }

    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default: if scalar.isPrintable { result.unicodeScalars.append(scalar) } else { result += scalar.escape }
            }
        }
        return result + "\""
    }
}

/// Attributes by name, in the order of an op's properties.
public struct AttributeDictionary: Hashable, Sendable, CustomStringConvertible {
    public private(set) var entries: [Entry] = []

    public struct Entry: Hashable, Sendable {
        public var key: String
        public var value: Attribute
    }

    public init() {}

    public var isEmpty: Bool { entries.isEmpty }

    public subscript(key: String) -> Attribute? {
        get { entries.first { $0.key == key }?.value }
        set {
            if let index = entries.firstIndex(where: { $0.key == key }) {
                if let newValue { entries[index].value = newValue } else { entries.remove(at: index) }
            } else if let newValue {
                entries.append(Entry(key: key, value: newValue))
            }
        }
    }

    public var description: String {
        "{" + entries.map { "\($0.key) = \($0.value)" }.joined(separator: ", ") + "}"
    }
}
