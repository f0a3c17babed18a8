import Files

/// What is understood of texts: XMP, and profiles that older programs hide in compressed texts, as hexadecimal numbers.
extension PNGChunk {
    static let xmpKeyword = "XML:com.adobe.xmp"
    private static let rawProfileKeyword = "Raw profile type "

    /// What a text is about.
    var keyword: String? { ["tEXt", "zTXt", "iTXt"].contains(type) ? String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) : nil }

    /// The text of an `iTXt`, unpacked.
    var internationalText: [UInt8]? {
        guard type == "iTXt", let end = bytes.firstIndex(of: 0), bytes.count > end + 3 else { return nil }
        // A flag and a method, then the language and the keyword's translation, each with a 0 behind it.
        let isCompressed = bytes[end + 1] == 1
        var rest = bytes[(end + 3)...]
        for _ in 0..<2 {
            guard let end = rest.firstIndex(of: 0) else { return nil }
            rest = rest[(end + 1)...]
        }
        return isCompressed ? Deflate.unpacked(rest) : Array(rest)
    }

    static func international(_ keyword: String, _ text: [UInt8]) -> PNGChunk {
        PNGChunk(type: "iTXt", bytes: Array(keyword.utf8) + [0, 0, 0, 0, 0] + text)
    }

    /// A hidden profile: a line with its kind, one with its length, and the rest in hexadecimal.
    func rawProfile(named names: [String]) -> [UInt8]? {
        guard type == "zTXt" || type == "tEXt", let keyword, keyword.hasPrefix(PNGChunk.rawProfileKeyword),
            names.contains(String(keyword.dropFirst(PNGChunk.rawProfileKeyword.count)))
        else { return nil }
        let rest = bytes[(keyword.utf8.count + 1)...]
        guard let text = type == "tEXt" ? Array(rest) : Deflate.unpacked(rest.dropFirst()) else { return nil }
        let lines = text.split(separator: UInt8(ascii: "\n"), maxSplits: 2)
        guard lines.count == 3, let count = Int(String(decoding: lines[1].filter { $0 != UInt8(ascii: " ") }, as: UTF8.self)) else { return nil }
        var result: [UInt8] = []
        var high: UInt8?
        for byte in lines[2] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { continue }
            if let first = high {
                result.append(first << 4 | UInt8(digit))
                high = nil
            } else {
                high = UInt8(digit)
            }
        }
        return result.count == count ? result : nil
    }

    static func rawProfile(_ name: String, _ contents: [UInt8]) -> PNGChunk {
        let digits = Array("0123456789abcdef".utf8)
        let length = String(contents.count)
        var text = Array("\n\(name)\n\(String(repeating: " ", count: max(0, 8 - length.count)))\(length)".utf8)
        for (index, byte) in contents.enumerated() {
            if index.isMultiple(of: 36) { text.append(UInt8(ascii: "\n")) }
            text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return PNGChunk(type: "zTXt", bytes: Array((rawProfileKeyword + name).utf8) + [0, 0] + Deflate.packed(text + [UInt8(ascii: "\n")]))
    }
}
