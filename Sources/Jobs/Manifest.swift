import Files
import Foundation

/// A file with a line of JSON for each photograph.
public struct Manifest: Sendable {
    private var lines: [String] = []

    public init() {}

    public static func line(_ report: PhotoReport) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(report) else { preconditionFailure("not representable as JSON: \(report)") }
        return String(decoding: data, as: UTF8.self)
    }

    public mutating func add(_ report: PhotoReport) { lines.append(Manifest.line(report)) }

    /// Writes all lines; the file appears whole.
    public func write(_ path: String) throws {
        let writer = try AtomicFileWriter(path: path)
        for line in lines { try writer.write(Array((line + "\n").utf8)) }
        try writer.commit()
    }
}
