/// `&amp;` and its like to the characters that they stand for.
///
/// Numbers and the 252 names of HTML 4 less its arrows, shapes and mathematics; the other names of HTML 5 stay as they are.
enum HTMLEntities {
    /// Resolves each entity once. As in browsers the old names need no semicolon.
    static func resolve(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard text.contains("&") else { return text }
        var result: [Unicode.Scalar] = []
        var position = 0
        while position < text.count {
            if text[position] == "&", let (scalar, length) = entity(text[(position + 1)...]) {
                if let scalar { result.append(scalar) }
                position += length + 1
            } else {
                result.append(text[position])
                position += 1
            }
        }
        return result
    }

    /// The entity whose text, without the ampersand, begins here: what it stands for (nil for nothing), and its length.
    private static func entity(_ text: ArraySlice<Unicode.Scalar>) -> (scalar: Unicode.Scalar?, length: Int)? {
        if text.first == "#" { return number(text.dropFirst()) }
        let letters = text.prefix(32).prefix { isASCIILetterOrDigit($0) }
        let name = String(String.UnicodeScalarView(letters))
        if text.dropFirst(letters.count).first == ";", let scalar = names[name] { return (scalar, letters.count + 1) }
        for length in stride(from: letters.count, through: 2, by: -1) {
            let start = String(name.prefix(length))
            if let scalar = names[start], scalar.value <= 0xff, start != "apos" { return (scalar, length) }
        }
        return nil
    }

    private static func number(_ text: ArraySlice<Unicode.Scalar>) -> (scalar: Unicode.Scalar?, length: Int)? {
        let isHexadecimal = text.first == "x" || text.first == "X"
        let radix = isHexadecimal ? 16 : 10
        let digits = text.dropFirst(isHexadecimal ? 1 : 0).prefix {
            $0.isASCII && Character($0).hexDigitValue.map { $0 < radix } ?? false
        }
        guard !digits.isEmpty else { return nil }
        var value = 0
        for digit in digits { value = min(value * radix + Character(digit).hexDigitValue!, 0x11_0000) }
        let ended = text.dropFirst(digits.count + (isHexadecimal ? 1 : 0)).first == ";"
        let length = 1 + (isHexadecimal ? 1 : 0) + digits.count + (ended ? 1 : 0)
        switch value {
        case 0: return ("\u{fffd}", length)
        case 1...8, 0xb, 0xe...0x1f, 0x7f...0x9f, 0xfdd0...0xfdef: return (nil, length)
        default:
            if value <= 0x10ffff, value & 0xfffe == 0xfffe { return (nil, length) }
            return (Unicode.Scalar(UInt32(value)) ?? "\u{fffd}", length)
        }
    }

    private static func isASCIILetterOrDigit(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
    }

    private static let names: [String: Unicode.Scalar] = {
        var names: [String: Unicode.Scalar] = [
            "amp": "&", "AMP": "&", "lt": "<", "LT": "<", "gt": ">", "GT": ">", "quot": "\"", "QUOT": "\"", "apos": "'",
            "COPY": "\u{a9}", "REG": "\u{ae}",
            "OElig": "\u{152}", "oelig": "\u{153}", "Scaron": "\u{160}", "scaron": "\u{161}", "Yuml": "\u{178}",
            "fnof": "\u{192}", "circ": "\u{2c6}", "tilde": "\u{2dc}", "ensp": "\u{2002}", "emsp": "\u{2003}",
            "thinsp": "\u{2009}", "zwnj": "\u{200c}", "zwj": "\u{200d}", "lrm": "\u{200e}", "rlm": "\u{200f}",
            "ndash": "\u{2013}", "mdash": "\u{2014}", "lsquo": "\u{2018}", "rsquo": "\u{2019}", "sbquo": "\u{201a}",
            "ldquo": "\u{201c}", "rdquo": "\u{201d}", "bdquo": "\u{201e}", "dagger": "\u{2020}", "Dagger": "\u{2021}",
            "bull": "\u{2022}", "hellip": "\u{2026}", "permil": "\u{2030}", "prime": "\u{2032}", "Prime": "\u{2033}",
            "lsaquo": "\u{2039}", "rsaquo": "\u{203a}", "euro": "\u{20ac}", "trade": "\u{2122}", "minus": "\u{2212}",
        ]
        for (offset, name) in latin1.split(separator: " ").enumerated() {
            names[String(name)] = Unicode.Scalar(UInt32(0xa0 + offset))
        }
        return names
    }()

    /// U+00A0 to U+00FF in order.
    private static let latin1 = """
        nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para \
        middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute \
        Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute \
        THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde \
        ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml
        """
}
