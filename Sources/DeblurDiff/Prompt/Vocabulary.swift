import Tensors

/// The symbols in CLIP's vocabulary file.
enum Vocabulary {
    /// A run of bytes; the last one of a word is another symbol than the same bytes before it.
    struct Symbol: Hashable {
        var bytes: [UInt8]
        var endsWord: Bool
    }

    static let advice = "Give bpe_simple_vocab_16e6.txt.gz, as CLIP and OpenCLIP come with it."

    /// The file has a printable character for each byte: itself where it is printable in Latin-1, else the next from U+0100 on.
    /// Ids follow the order of this list.
    private static let bytesInOrder: [UInt8] = {
        let printable = Array(0x21...0x7e) + Array(0xa1...0xac) + Array(0xae...0xff) as [UInt8]
        return printable + (0...255).filter { !printable.contains($0) }
    }()

    private static let printableCount = 188

    static let idOfByte: [Int32] = {
        var ids = [Int32](repeating: 0, count: 256)
        for (id, byte) in bytesInOrder.enumerated() { ids[Int(byte)] = Int32(id) }
        return ids
    }()

    /// The byte for each character code that stands for one.
    private static let byteOfCharacter: [UInt32: UInt8] = {
        var bytes: [UInt32: UInt8] = [:]
        for (id, byte) in bytesInOrder.enumerated() {
            bytes[id < printableCount ? UInt32(byte) : UInt32(0x100 + id - printableCount)] = byte
        }
        return bytes
    }()

    /// The ids of all symbols of one byte.
    static func byteSymbols() -> [Symbol: Int32] {
        var ids: [Symbol: Int32] = [:]
        for byte in UInt8.min...UInt8.max {
            ids[Symbol(bytes: [byte], endsWord: false)] = idOfByte[Int(byte)]
            ids[Symbol(bytes: [byte], endsWord: true)] = idOfByte[Int(byte)] + 256
        }
        return ids
    }

    /// The first lines of the text, at most `count`.
    static func lines(of text: String, count: Int) -> [Substring.UTF8View] {
        let parts = text.utf8.split(separator: UInt8(ascii: "\n"), maxSplits: count, omittingEmptySubsequences: false)
        let lines = parts.prefix(count).map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
        return lines.last?.isEmpty == true ? lines.dropLast() : lines
    }

    /// Two symbols with a space between; `</w>` behind a symbol says that it ends a word.
    static func parseMerge(_ line: Substring.UTF8View) -> (Symbol, Symbol)? {
        let parts = line.split(separator: UInt8(ascii: " "))
        guard parts.count == 2, let left = symbol(parts[0]), let right = symbol(parts[1]), !left.endsWord else { return nil }
        return (left, right)
    }

    private static func symbol(_ text: Substring.UTF8View) -> Symbol? {
        let endMark = "</w>".utf8
        let endsWord = text.count > endMark.count && text.suffix(endMark.count).elementsEqual(endMark)
        var bytes: [UInt8] = []
        for scalar in Substring(endsWord ? text.dropLast(endMark.count) : text).unicodeScalars {
            guard let byte = byteOfCharacter[scalar.value] else { return nil }
            bytes.append(byte)
        }
        return bytes.isEmpty ? nil : Symbol(bytes: bytes, endsWord: endsWord)
    }
}
