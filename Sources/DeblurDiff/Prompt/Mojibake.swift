/// Windows' Latin code page; its five unassigned bytes are Latin-1's.
enum Windows1252 {
    /// Of the bytes 0x80...0x9f.
    private static let upper: [UInt32] = [
        0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f,
        0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178,
    ]

    static func scalar(_ byte: UInt8) -> Unicode.Scalar {
        Unicode.Scalar((0x80...0x9f).contains(byte) ? upper[Int(byte) - 0x80] : UInt32(byte))!
    }

    /// The byte of a character in this code page or in Latin-1.
    static func byte(_ scalar: Unicode.Scalar) -> UInt8? {
        if scalar.value <= 0xff { return UInt8(scalar.value) }
        return upper.firstIndex(of: scalar.value).map { UInt8($0 + 0x80) }
    }
}

/// UTF-8 that was read as Windows-1252 or Latin-1: "donâ€™t", "Ã©tÃ©".
///
/// What is repaired is what ftfy repairs of these two. Its other code pages (Mac Roman, Windows-1250, 1251 and the like), bytes
/// that were lost on the way ("â€�") and surrogates in UTF-8 are left as they are. Where the rest of a line is right, a few more
/// characters are repaired than ftfy dares to.
enum Mojibake {
    private struct Sequence {
        /// Of the characters that should be one.
        var range: Range<Int>
        var scalar: Unicode.Scalar
        /// Where a space was made of the no-break space's byte, and has to stay: "Ã la".
        var keepsSpace = false
    }

    /// A line with such text decoded, as often as it was encoded, and the controls that remain read as Windows-1252.
    static func repaired(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var text = text
        while let better = decoded(text) { text = better }
        return text.map { (0x80...0x9f).contains($0.value) ? Windows1252.scalar(UInt8($0.value)) : $0 }
    }

    /// The text decoded once, or nil where nothing is to be.
    private static func decoded(_ text: [Unicode.Scalar]) -> [Unicode.Scalar]? {
        guard text.contains(where: { $0.value >= 0x80 }) else { return nil }
        let bytes = text.map(Windows1252.byte)
        if let whole = runs(text, bytes, withSpaces: true), isWhole(whole, bytes), whole.contains(where: { isEvident($0, text) }) {
            return replaced(text, whole.flatMap { $0 })
        }
        guard let parts = runs(text, bytes, withSpaces: false)?.filter({ isEvident($0, text) }) else { return nil }
        return replaced(text, parts.flatMap { $0 })
    }

    /// Whether no character beyond ASCII is left over.
    private static func isWhole(_ runs: [[Sequence]], _ bytes: [UInt8?]) -> Bool {
        var isTaken = [Bool](repeating: false, count: bytes.count)
        for sequence in runs.joined() { for index in sequence.range { isTaken[index] = true } }
        return zip(bytes, isTaken).allSatisfy { byte, isTaken in isTaken || byte.map { $0 < 0x80 } ?? false }
    }

    private static func replaced(_ text: [Unicode.Scalar], _ sequences: [Sequence]) -> [Unicode.Scalar]? {
        guard !sequences.isEmpty else { return nil }
        var result: [Unicode.Scalar] = []
        var position = 0
        for sequence in sequences {
            result += text[position..<sequence.range.lowerBound] + [sequence.scalar] + (sequence.keepsSpace ? [" "] : [])
            position = sequence.range.upperBound
        }
        return result + text[position...]
    }

    /// The sequences of UTF-8, those that touch together; nil where there are none.
    private static func runs(_ text: [Unicode.Scalar], _ bytes: [UInt8?], withSpaces: Bool) -> [[Sequence]]? {
        var runs: [[Sequence]] = []
        var position = 0
        while position < bytes.count {
            guard let sequence = sequence(text, bytes, at: position, withSpaces: withSpaces) else {
                position += 1
                continue
            }
            if runs.last?.last?.range.upperBound == position { runs[runs.count - 1].append(sequence) } else { runs.append([sequence]) }
            position = sequence.range.upperBound
        }
        return runs.isEmpty ? nil : runs
    }

    private static func sequence(_ text: [Unicode.Scalar], _ bytes: [UInt8?], at start: Int, withSpaces: Bool) -> Sequence? {
        guard let lead = bytes[start], (0xc2...0xf4).contains(lead) else { return nil }
        let end = start + (lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4)
        guard end <= bytes.count else { return nil }
        if withSpaces, lead == 0xc2 || lead == 0xc3, text[start + 1] == " " {
            let isWord = lead == 0xc3 && ![" ", "quele", "quela", "quilo", "s "].contains { text[end...].starts(with: $0.unicodeScalars) }
            return Sequence(range: start..<end, scalar: lead == 0xc3 ? "à" : "\u{a0}", keepsSpace: isWord)
        }
        var decoder = UTF8()
        var input = bytes[start..<end].map { $0 ?? 0 }.makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&input), !scalar.isASCII, input.next() == nil else { return nil }
        return Sequence(range: start..<end, scalar: scalar)
    }

    /// What may well stand behind an accented letter: the end of a quotation, a dash, a mark.
    private static let ordinary = Set("\u{a0}\u{ad}´·–—…’‘“”„‚«»‹›¡¿©®™•°ºª".unicodeScalars)
    /// Of these the ones that join no words, so that a letter behind them tells.
    private static let separating = Set("‘“”„‚«»‹›¡¿©®™•".unicodeScalars)

    /// Whether this is surely such text, and no accented letter with a mark behind it.
    private static func isEvident(_ run: [Sequence], _ text: [Unicode.Scalar]) -> Bool {
        guard run.count == 1 else { return true }
        let range = run[0].range
        let (lead, rest) = (text[range.lowerBound], text[range].dropFirst())
        if rest == [" "] {
            let before = text[..<range.lowerBound]
            let letter = before.last?.properties.isWhitespace == true ? before.dropLast().last : before.last
            return before.isEmpty || letter.map { ("a"..."z").contains($0) } ?? false
        }
        if rest.contains(where: { !ordinary.contains($0) }) { return true }
        guard rest.count == 1, let mark = rest.first else { return false }
        if "ÂÃÎÐ".unicodeScalars.contains(lead) { return mark != "’" && mark != "…" }
        guard separating.contains(mark), range.upperBound < text.count else { return false }
        let next = text[range.upperBound]
        return next == "_" || next.properties.isAlphabetic || next.properties.numericType != nil
    }
}
