import Files
import Tensors

/// Splits the text form of graphs into tokens.
struct GraphLexer {
    enum Token: Hashable {
        /// A name or keyword, bare.
        case word(String)
        case string(String)
        case number(String)
        /// `%name`
        case value(String)
        /// `@key`
        case parameter(String)
        case symbol(UInt8)
        case end
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    /// Where the last token begins.
    private(set) var tokenStart = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// Letters, digits and `_ . - / :`, as they occur in checkpoint keys.
    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 95, 46, 45, 47: true
        default: false
        }
    }

    /// Line and column of a byte, for messages.
    func location(_ position: Int) -> String {
        var line = 1
        var column = 1
        for byte in bytes.prefix(position) {
            if byte == 10 {
                line += 1
                column = 1
            } else {
                column += 1
            }
        }
        return "line \(line), column \(column)"
    }

    mutating func next() throws -> Token {
        while position < bytes.count {
            let byte = bytes[position]
            if byte == 32 || byte == 10 || byte == 9 || byte == 13 {
                position += 1
            } else if byte == 35 {  // '#': a comment to the end of the line
                while position < bytes.count, bytes[position] != 10 { position += 1 }
            } else {
                break
            }
        }
        tokenStart = position
        guard position < bytes.count else { return .end }
        let byte = bytes[position]
        switch byte {
        case 37, 64:  // % @
            position += 1
            let name = try nameOrString()
            return byte == 37 ? .value(name) : .parameter(name)
        case 34:
            return .string(try string())
        case 48...57, 45, 43:
            return .number(bareName())
        case _ where GraphLexer.isNameByte(byte):
            return .word(bareName())
        default:
            position += 1
            return .symbol(byte)
        }
    }

    private mutating func bareName() -> String {
        let start = position
        while position < bytes.count, GraphLexer.isNameByte(bytes[position]) || (bytes[position] == 43 && position > start) {
            position += 1
        }
        if position == start { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func nameOrString() throws -> String {
        guard position < bytes.count else { throw InputError("the text ends inside a name", at: location(position)) }
        if bytes[position] == 34 { return try string() }
        guard GraphLexer.isNameByte(bytes[position]) else { throw InputError("expected a name", at: location(position)) }
        return bareName()
    }

    /// The digits behind `\u`, with a second escape for what UTF-16 has in two.
    private mutating func unicodeEscape() throws -> Unicode.Scalar {
        var units: [UInt16] = []
        repeat {
            if !units.isEmpty {
                guard bytes[position...].starts(with: [92, 117]) else { break }
                position += 2
            }
            let digits = bytes[position...].prefix(4)
            guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { break }
            let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)!
            units.append(unit)
            position += 4
        } while units.count == 1 && UTF16.isLeadSurrogate(units[0])
        guard let text = String(validating: units, as: UTF16.self), let scalar = text.unicodeScalars.first else {
            throw InputError("an escape that is no character", at: location(position))
        }
        return scalar
    }

    private mutating func string() throws -> String {
        let start = position
        position += 1
        var result: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case 34: return String(decoding: result, as: UTF8.self)
            case 92 where position < bytes.count:
                let escaped = bytes[position]
                position += 1
                switch escaped {
                case 110: result.append(10)
                case 117: result += Array(String(try unicodeEscape()).utf8)
                default: result.append(escaped)
                }
            default: result.append(byte)
            }
        }
        throw InputError("a string without end", at: location(start))
    }
}
