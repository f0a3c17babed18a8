import Foundation

/// Paths, and parts of them, as POSIX has them.
///
/// The system's paths are bytes that need not be UTF-8. In a `String` each byte that is no part of UTF-8 stands as one of the private characters
/// U+EF80...U+EFFF, and so do the bytes of these characters themselves, so that every path comes back as it was.
///
/// Foundation's `NSString` forms crash on names of a single character (Swift 6.3 on Linux).
public enum FilePath {
    /// A path that the system gave.
    public static func text(_ bytes: some Collection<UInt8>) -> String {
        if let text = String(validating: bytes, as: UTF8.self), !text.unicodeScalars.contains(where: byteScalars.contains) { return text }
        var result = String.UnicodeScalarView()
        var parser = Unicode.UTF8.ForwardParser()
        var position = bytes.startIndex
        var rest = bytes.makeIterator()
        while true {
            let length: Int
            switch parser.parseScalar(from: &rest) {
            case .emptyInput: return String(result)
            case .error(let count): length = count
            case .valid(let encoded):
                length = encoded.count
                let scalar = Unicode.UTF8.decode(encoded)
                if !byteScalars.contains(scalar) {
                    result.append(scalar)
                    position = bytes.index(position, offsetBy: length)
                    continue
                }
            }
            for _ in 0..<length {
                result.append(Unicode.Scalar(0xef00 | UInt32(bytes[position]))!)
                position = bytes.index(after: position)
            }
        }
    }

    public static func text(_ path: UnsafePointer<CChar>) -> String {
        let count = strlen(path)
        return path.withMemoryRebound(to: UInt8.self, capacity: count) { text(UnsafeBufferPointer(start: $0, count: count)) }
    }

    /// The bytes that the system knows a path by.
    public static func bytes(_ path: String) -> [UInt8] {
        guard path.utf8.contains(0xee) else { return Array(path.utf8) }
        return path.unicodeScalars.reduce(into: []) { bytes, scalar in
            if let byte = byte(scalar) { bytes.append(byte) } else { bytes += Array(UTF8.encode(scalar)!) }
        }
    }

    /// A path for a call of the system.
    public static func system(_ path: String) -> [CChar] { bytes(path).map(CChar.init(bitPattern:)) + [0] }

    /// The byte that a private character stands for.
    static func byte(_ scalar: Unicode.Scalar) -> UInt8? { byteScalars.contains(scalar) ? UInt8(truncatingIfNeeded: scalar.value) : nil }

    private static let byteScalars: ClosedRange<Unicode.Scalar> = "\u{ef80}"..."\u{efff}"

    /// What stands in front of the last part: "" for a bare name, "/" for what lies in the root.
    public static func folder(of path: String) -> String {
        let trimmed = withoutTrailingSlashes(path)
        guard let slash = trimmed.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        let folder = withoutTrailingSlashes(String(trimmed[..<slash]))
        return folder.isEmpty ? "/" : folder
    }

    /// A file or folder in the user's cache of this program: below `$XDG_CACHE_HOME/deblurdiff`, or `~/.cache/deblurdiff`; nil where there is no home.
    public static func inCache(_ name: String) -> String? {
        func folder(_ variable: String) -> String? { getenv(variable).map { text($0) }.flatMap { $0.hasPrefix("/") ? $0 : nil } }
        let cache = folder("XDG_CACHE_HOME") ?? folder("HOME").map { join($0, ".cache") }
        return cache.map { join($0, "deblurdiff/\(name)") }
    }

    /// The last part.
    public static func name(of path: String) -> String {
        let trimmed = withoutTrailingSlashes(path)
        guard let slash = trimmed.utf8.lastIndex(of: UInt8(ascii: "/")), trimmed != "/" else { return trimmed }
        return String(trimmed[trimmed.utf8.index(after: slash)...])
    }

    public static func join(_ folder: String, _ name: String) -> String {
        folder.isEmpty || folder.utf8.last == UInt8(ascii: "/") ? folder + name : "\(folder)/\(name)"
    }

    private static func withoutTrailingSlashes(_ path: String) -> String {
        var rest = Substring(path).utf8
        while rest.count > 1, rest.last == UInt8(ascii: "/") { rest.removeLast() }
        return String(Substring(rest))
    }
}
