extension String {
    /// The text with everything escaped that would move a terminal's cursor, change its colours, turn the direction of writing or hide. Names and paths from
    /// files and command lines are shown so. Escapes are those of JSON, `\u001b`; a byte of a path that is no UTF-8 is `\xff`.
    public var printable: String {
        escaped { scalar in FilePath.byte(scalar).map { "\\x\(String($0, radix: 16))" } ?? (scalar.isPrintable ? nil : scalar.escape) }
    }

    /// The same for whole texts: line ends and tabs stay, and JSON stays the same JSON.
    public var printableLines: String { escaped { $0.isPrintable || $0 == "\n" || $0 == "\t" ? nil : $0.escape } }

    private func escaped(_ escape: (Unicode.Scalar) -> String?) -> String {
        // Nearly all text is ASCII, and properties of characters take long to look up.
        guard utf8.contains(where: { $0 < 0x20 || $0 >= 0x7f }) else { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            if let escaped = escape(scalar) { text += escaped } else { text.unicodeScalars.append(scalar) }
        }
    }
}

extension Unicode.Scalar {
    /// Whether a terminal shows it and does nothing else.
    public var isPrintable: Bool {
        if isASCII { return (0x20..<0x7f).contains(value) }
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: return false
        default: return true
        }
    }

    /// `\u001b`, in UTF-16 as in JSON.
    public var escape: String {
        UTF16.encode(self)!.map { unit in
            let digits = String(unit, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }.joined()
    }
}
