import Foundation

/// What CLIP does to a prompt before its words are encoded: cleaning, lower case, splitting.
enum PromptText {
    enum Mark: String, CaseIterable {
        case start = "<start_of_text>"
        case end = "<end_of_text>"
    }

    enum Word: Hashable {
        case mark(Mark)
        /// A word's UTF-8 bytes, at least one.
        case text([UInt8])
    }

    /// Put right as ftfy does, HTML entities resolved (twice, as in the original), whitespace runs made one space, trimmed, lower-cased.
    static func clean(_ prompt: String) -> [Unicode.Scalar] {
        var text = fixed(Array(prompt.unicodeScalars))
        for _ in 0..<2 { text = HTMLEntities.resolve(text, .lenient) }
        return lowercased(Array(text.split(whereSeparator: isSpace).joined(separator: [" "])))
    }

    /// What the library ftfy, which the original runs first, makes of text, line by line; see ``Mojibake`` for the part of it that is done.
    private static func fixed(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var hasMarkup = false
        return Array(
            text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                hasMarkup = hasMarkup || line.contains("<")
                return fixedLine(Array(line), resolvesEntities: !hasMarkup)
            }.joined(separator: ["\n"] as [Unicode.Scalar]))
    }

    private static func fixedLine(_ line: [Unicode.Scalar], resolvesEntities: Bool) -> [Unicode.Scalar] {
        var line = line
        // Each time may bring forth something more; endless nesting is cut off.
        for _ in 0..<50 {
            let before = line
            if resolvesEntities { line = HTMLEntities.resolve(line, .strict) }
            line = plain(withoutEscapes(Mojibake.repaired(line)))
            line = Array(String(String.UnicodeScalarView(line)).precomposedStringWithCanonicalMapping.unicodeScalars)
            if line == before { break }
        }
        return line
    }

    /// Without what colours text in a terminal: escape, `[`, digits and semicolons, a letter.
    private static func withoutEscapes(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard text.contains("\u{1b}") else { return text }
        var result: [Unicode.Scalar] = []
        var rest = text[...]
        while let scalar = rest.popFirst() {
            if scalar == "\u{1b}", rest.first == "[" {
                let end = rest.dropFirst().drop { $0 == ";" || $0.properties.generalCategory == .decimalNumber }
                if let letter = end.first, letter.isASCII, letter.properties.isAlphabetic {
                    rest = end.dropFirst()
                    continue
                }
            }
            result.append(scalar)
        }
        return result
    }

    /// The words, in order, by CLIP's pattern:
    /// `<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`.
    static func words(of text: [Unicode.Scalar]) -> some Sequence<Word> {
        sequence(state: 0) { position in
            while position < text.count, isSpace(text[position]) { position += 1 }
            guard position < text.count else { return nil }
            let rest = text[position...]
            if let mark = Mark.allCases.first(where: { rest.starts(with: $0.rawValue.unicodeScalars) }) {
                position += mark.rawValue.count
                return .mark(mark)
            }
            let length = lengthOfWord(rest)
            position += length
            return .text(Array(String(String.UnicodeScalarView(rest.prefix(length))).utf8))
        }
    }

    private static let contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"]

    private static func lengthOfWord(_ text: ArraySlice<Unicode.Scalar>) -> Int {
        let first = text[text.startIndex]
        if first == "'", let match = contractions.first(where: { text.starts(with: $0.unicodeScalars) }) { return match.count }
        if isNumber(first) { return 1 }
        if isLetter(first) { return text.prefix(while: isLetter).count }
        return text.prefix { !isSpace($0) && !isLetter($0) && !isNumber($0) }.count
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    private static func isNumber(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: true
        default: false
        }
    }

    /// What Python's `\s` matches.
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar == " " || (0x9...0xd).contains(scalar.value) || (0x1c...0x1f).contains(scalar.value) }
        return scalar.properties.isWhitespace
    }

    /// Each scalar, or what stands for it in plain text.
    private static func plain(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        for scalar in text {
            switch scalar.value {
            case 0x149: result += ["'", "n"]
            case 0x2bc, 0x2018...0x201b: result.append("'")
            case 0x201c...0x201f: result.append("\"")
            case 0...8, 0xb, 0xe...0x1f, 0x7f, 0x206a...0x206f, 0xfeff, 0xfff9...0xfffc: break
            case 0x132, 0x133, 0x1c4...0x1cc, 0x1f1...0x1f3, 0xfb00...0xfb06, 0xff01...0xffef, 0x3000:
                result += String(scalar).precomposedStringWithCompatibilityMapping.unicodeScalars
            default: result.append(scalar)
            }
        }
        return result
    }

    /// Lower case by Unicode's full mapping, with the one rule that looks at the neighbours: a sigma that ends a word.
    private static func lowercased(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        for (index, scalar) in text.enumerated() {
            if scalar.isASCII {
                result.append(("A"..."Z").contains(scalar) ? Unicode.Scalar(scalar.value + 32)! : scalar)
            } else if scalar == "Σ", isCased(text[..<index].reversed()), !isCased(text[(index + 1)...]) {
                result.append("ς")
            } else {
                result += scalar.properties.lowercaseMapping.unicodeScalars
            }
        }
        return result
    }

    /// Whether the first scalar that counts has a case.
    private static func isCased(_ text: some Sequence<Unicode.Scalar>) -> Bool {
        text.first { !$0.properties.isCaseIgnorable }?.properties.isCased ?? false
    }
}
