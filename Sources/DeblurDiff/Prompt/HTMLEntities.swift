/// `&amp;` and its like to the characters that they stand for: numbers, and the names of HTML 5.
enum HTMLEntities {
    /// Which entities are resolved.
    enum Rule {
        /// As in browsers: the old names need no semicolon, and may have more behind them.
        case lenient
        /// As ftfy does: only whole ones with their semicolon, and names of one case also in capitals ("P&EACUTE;REZ").
        case strict
    }

    private struct Entity {
        var text: [Unicode.Scalar]
        /// Less the ampersand.
        var length: Int
    }

    /// Resolves each entity once.
    static func resolve(_ text: [Unicode.Scalar], _ rule: Rule) -> [Unicode.Scalar] {
        guard text.contains("&") else { return text }
        var result: [Unicode.Scalar] = []
        var position = 0
        while position < text.count {
            if text[position] == "&", let entity = entity(text[(position + 1)...], rule) {
                result += entity.text
                position += entity.length + 1
            } else {
                result.append(text[position])
                position += 1
            }
        }
        return result
    }

    /// The entity whose text, without the ampersand, begins here.
    private static func entity(_ text: ArraySlice<Unicode.Scalar>, _ rule: Rule) -> Entity? {
        if text.first == "#" {
            guard let entity = number(text.dropFirst()) else { return nil }
            return rule == .lenient || (text.prefix(entity.length).last == ";" && entity.text != [";"]) ? entity : nil
        }
        let letters = text.prefix(32).prefix { isASCIILetterOrDigit($0) }
        let name = String(String.UnicodeScalarView(letters))
        let isEnded = text.dropFirst(letters.count).first == ";"
        if rule == .strict {
            guard isEnded, letters.count <= 24, let text = names[name] ?? inCapitals(name) else { return nil }
            return Entity(text: text, length: letters.count + 1)
        }
        if isEnded, let text = names[name] { return Entity(text: text, length: letters.count + 1) }
        return oldPrefix(of: name).map { Entity(text: names[$0]!, length: $0.utf8.count) }
    }

    /// What a name of small letters stands for where it is in capitals and that means nothing else.
    private static func inCapitals(_ name: String) -> [Unicode.Scalar]? {
        let small = name.lowercased()
        guard name == small.uppercased(), oldPrefix(of: name) == nil else { return nil }
        return names[small]?.flatMap { $0.properties.uppercaseMapping.unicodeScalars }
    }

    /// The longest start of a name that needs no semicolon.
    private static func oldPrefix(of name: String) -> String? {
        stride(from: name.utf8.count, through: 2, by: -1).lazy.map { String(name.prefix($0)) }.first { old.contains($0) }
    }

    private static func number(_ text: ArraySlice<Unicode.Scalar>) -> Entity? {
        let isHexadecimal = text.first == "x" || text.first == "X"
        let radix = isHexadecimal ? 16 : 10
        let digits = text.dropFirst(isHexadecimal ? 1 : 0).prefix {
            $0.isASCII && Character($0).hexDigitValue.map { $0 < radix } ?? false
        }
        guard !digits.isEmpty else { return nil }
        var value: UInt32 = 0
        for digit in digits { value = min(value * UInt32(radix) + UInt32(Character(digit).hexDigitValue!), 0x11_0000) }
        let ended = text.dropFirst(digits.count + (isHexadecimal ? 1 : 0)).first == ";"
        return Entity(text: character(value), length: 1 + (isHexadecimal ? 1 : 0) + digits.count + (ended ? 1 : 0))
    }

    /// The character of a number, by HTML's rules: nothing for what is none.
    private static func character(_ value: UInt32) -> [Unicode.Scalar] {
        switch value {
        case 0: ["\u{fffd}"]
        case 0x80...0x9f: [Windows1252.scalar(UInt8(value))]
        case 1...8, 0xb, 0xe...0x1f, 0x7f, 0xfdd0...0xfdef: []
        default: value <= 0x10ffff && value & 0xfffe == 0xfffe ? [] : [Unicode.Scalar(value) ?? "\u{fffd}"]
        }
    }

    private static func isASCIILetterOrDigit(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
    }

    /// Without ampersand and semicolon.
    private static let names: [String: [Unicode.Scalar]] = {
        var names: [String: [Unicode.Scalar]] = [:]
        for entry in html5.split(separator: ";") {
            let fields = entry.split(separator: " ")
            let text = fields[0].split(separator: "+").map { Unicode.Scalar(UInt32($0, radix: 16)!)! }
            for name in fields.dropFirst() { names[String(name)] = text }
        }
        return names
    }()

    /// The names that need no semicolon.
    private static let old = Set(
        """
        AMP COPY GT LT QUOT REG amp gt lt quot \
        nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para \
        middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute \
        Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute \
        THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde \
        ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml
        """.split(separator: " ").map(String.init))
}
