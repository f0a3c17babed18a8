import Files
import Tensors

/// The header of a NumPy array, a Python dictionary: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
struct NumPyHeader {
    var descriptor: String
    var fortranOrder: Bool
    var shape: [Int]

    init(_ text: String) throws {
        var scanner = Scanner(rest: Substring(text).utf8)
        var descriptor: String?
        var fortranOrder: Bool?
        var shape: [Int]?
        try scanner.expect("{")
        while !scanner.skip("}") {
            let key = try scanner.string()
            try scanner.expect(":")
            switch key {
            case "descr": descriptor = try scanner.string()
            case "fortran_order": fortranOrder = try scanner.bool()
            case "shape": shape = try scanner.tuple()
            default: throw InputError("has a header with an unknown entry '\(key)'")
            }
            if !scanner.skip(",") {
                try scanner.expect("}")
                break
            }
        }
        guard let descriptor, let fortranOrder, let shape else { throw Scanner.damaged }
        self.descriptor = descriptor
        self.fortranOrder = fortranOrder
        self.shape = shape
    }

    private struct Scanner {
        var rest: Substring.UTF8View

        static let damaged = InputError("has a damaged header", advice: "Write it again with numpy.save. Arrays of records are not supported.")

        private mutating func skipSpace() { rest = rest.drop { $0 == 32 || $0 == 10 } }

        mutating func skip(_ symbol: Character) -> Bool {
            skipSpace()
            guard rest.first == symbol.asciiValue else { return false }
            rest.removeFirst()
            return true
        }

        mutating func expect(_ symbol: Character) throws {
            guard skip(symbol) else { throw Scanner.damaged }
        }

        mutating func string() throws -> String {
            guard let quote: Character = skip("'") ? "'" : skip("\"") ? "\"" : nil,
                let end = rest.firstIndex(of: quote.asciiValue!)
            else { throw Scanner.damaged }
            defer { rest = rest[rest.index(after: end)...] }
            return String(decoding: rest[..<end], as: UTF8.self)
        }

        mutating func word() -> String {
            skipSpace()
            let word = rest.prefix { (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) }
            rest = rest[word.endIndex...]
            return String(decoding: word, as: UTF8.self)
        }

        mutating func bool() throws -> Bool {
            switch word() {
            case "True": return true
            case "False": return false
            default: throw Scanner.damaged
            }
        }

        mutating func tuple() throws -> [Int] {
            try expect("(")
            var result: [Int] = []
            while !skip(")") {
                guard let size = Int(word()), result.count < 64 else { throw Scanner.damaged }
                result.append(size)
                if !skip(",") {
                    try expect(")")
                    break
                }
            }
            return result
        }
    }
}
