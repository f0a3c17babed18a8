import Foundation

/// A terminal that understands cursor movements: standard error, where it is one.
struct Terminal {
    private let hasBlocks: Bool
    private let hasColors: Bool

    /// Nil where standard error goes elsewhere.
    static let standardError: Terminal? = {
        let environment = ProcessInfo.processInfo.environment
        guard isatty(STDERR_FILENO) == 1, let kind = environment["TERM"], kind != "dumb" else { return nil }
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        let isUnicode = ["utf-8", "utf8"].contains { locale.lowercased().hasSuffix($0) }
        // See no-color.org.
        return Terminal(hasBlocks: isUnicode, hasColors: (environment["NO_COLOR"] ?? "").isEmpty)
    }()

    /// Columns now; the window may be changed at any time.
    var width: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? max(20, Int(size.ws_col)) : 80
    }

    /// A bar between two texts, cut so that it stays on a line.
    func line(_ before: String, share: Double, _ after: String) -> String {
        let width = width - 1
        let cells = max(6, min(24, width / 4))
        let filled = Int(min(max(share, 0), 1) * Double(cells))
        let before = Terminal.cut(before, to: max(4, width / 3))
        let after = Terminal.cut(after, to: max(0, width - Terminal.columns(before) - cells - 2))
        let (full, empty) = hasBlocks ? ("█", "░") : ("#", "-")
        let done = String(repeating: full, count: filled)
        return "\(before) \(hasColors ? "\u{1B}[32m\(done)\u{1B}[0m" : done)\(String(repeating: empty, count: cells - filled)) \(after)"
    }

    /// Columns that a text takes: characters of East Asian scripts and pictures take two.
    private static func columns(_ text: some StringProtocol) -> Int { text.reduce(0) { $0 + columns($1) } }

    private static func columns(_ character: Character) -> Int {
        let value = character.unicodeScalars.first!.value
        return value >= 0x1100
            && (value < 0x1160 || (0x2e80..<0xd7a4).contains(value) || (0xf900..<0xfb00).contains(value)
                || (0xfe30..<0xfe70).contains(value) || (0xff00..<0xff61).contains(value) || (0x1f300..<0x1fb00).contains(value) || value >= 0x20000)
            ? 2 : 1
    }

    private static func cut(_ text: String, to limit: Int) -> String {
        guard columns(text) > limit else { return text }
        var (result, used) = ("", 0)
        for character in text {
            used += columns(character)
            if used > limit { break }
            result.append(character)
        }
        return result
    }
}
