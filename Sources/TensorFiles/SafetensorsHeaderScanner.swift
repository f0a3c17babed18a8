import Files

/// Reads the JSON of a safetensors header: strictly, without building a tree, and in time and memory proportional to its length.
///
/// A general JSON library accepts duplicate keys, on which two readers of the same file may disagree, and is slow for headers that
/// carry megabytes of text.
struct SafetensorsHeaderScanner {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// An error at the current position.
    func failure(_ what: String) -> InputError {
        InputError("the header is not valid: \(what) at byte \(position + 8)")
    }

    mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0a, 0x0d, 0x09: position += 1
            default: return
            }
        }
    }

    private mutating func peek() throws -> UInt8 {
        skipSpace()
        guard position < bytes.count else { throw failure("it ends too early") }
        return bytes[position]
    }

    mutating func expect(_ character: Unicode.Scalar) throws {
        guard try peek() == UInt8(ascii: character) else { throw failure("'\(character)' is missing") }
        position += 1
    }

    private mutating func take(_ character: Unicode.Scalar) throws -> Bool {
        guard try peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func expectEnd() throws {
        skipSpace()
        guard position == bytes.count else { throw failure("there is text behind the last brace") }
    }

    /// Reads an object; `member` must read the value that follows the key. A key that comes twice is an error.
    mutating func object(_ member: (inout SafetensorsHeaderScanner, String) throws -> Void) throws {
        try expect("{")
        if try take("}") { return }
        var keys = Set<String>()
        repeat {
            let key = try string()
            guard keys.insert(key).inserted else { throw failure("the key '\(key)' comes twice") }
            try expect(":")
            try member(&self, key)
        } while try take(",")
        try expect("}")
    }

    /// Reads a list of whole, non-negative numbers.
    mutating func integers(limit: Int) throws -> [Int] {
        var result: [Int] = []
        try expect("[")
        if try take("]") { return result }
        repeat {
            guard result.count < limit else { throw failure("a list of more than \(limit) numbers") }
            result.append(try integer())
        } while try take(",")
        try expect("]")
        return result
    }

    private mutating func integer() throws -> Int {
        _ = try peek()
        var value = 0
        let start = position
        while position < bytes.count, (0x30...0x39).contains(bytes[position]) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowToo) = product.addingReportingOverflow(Int(bytes[position] - 0x30))
            guard !overflow, !overflowToo else { throw failure("a number that is too large") }
            value = sum
            position += 1
        }
        guard position > start else { throw failure("a whole number is missing") }
        guard position - start == 1 || bytes[start] != 0x30 else { throw failure("a number with a leading zero") }
        return value
    }

    mutating func string() throws -> String {
        try expect("\"")
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "\\"), bytes[position] >= 0x20 {
            position += 1
        }
        guard position < bytes.count else { throw failure("a string has no end") }
        if bytes[position] == UInt8(ascii: "\"") {
            position += 1
            return try text(bytes[start..<position - 1])
        }
        var decoded = [UInt8](bytes[start..<position])
        while true {
            guard position < bytes.count else { throw failure("a string has no end") }
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return try text(decoded)
            case UInt8(ascii: "\\"): try escape(into: &decoded)
            case ..<0x20: throw failure("a control character in a string")
            default: decoded.append(byte)
            }
        }
    }

    private func text(_ utf8: some Sequence<UInt8>) throws -> String {
        guard let text = String(validating: utf8, as: UTF8.self) else { throw failure("a string is not UTF-8") }
        return text
    }

    private mutating func escape(into decoded: inout [UInt8]) throws {
        guard position < bytes.count else { throw failure("a string has no end") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(byte)
        case UInt8(ascii: "b"): decoded.append(0x08)
        case UInt8(ascii: "f"): decoded.append(0x0c)
        case UInt8(ascii: "n"): decoded.append(0x0a)
        case UInt8(ascii: "r"): decoded.append(0x0d)
        case UInt8(ascii: "t"): decoded.append(0x09)
        case UInt8(ascii: "u"): decoded.append(contentsOf: Array(String(try unicodeEscape()).utf8))
        default: throw failure("an unknown escape in a string")
        }
    }

    /// Reads the digits behind `\u`, with the second half of a surrogate pair.
    private mutating func unicodeEscape() throws -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xdc00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u") else {
            throw failure("half a surrogate pair")
        }
        position += 2
        let second = try hexadecimal()
        guard (0xdc00..<0xe000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        else { throw failure("half a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal() throws -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                throw failure("four hexadecimal digits are missing")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
