import Files
import Foundation

/// A file with a line of JSON for each photograph.
public enum Manifest {
    public static func line(_ report: some Encodable) -> String { encodeJSON(report, pretty: false) }

    /// For lines as ``line(_:)`` makes them.
    static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return decoder
    }

    /// Writes a line for each; the file appears whole.
    public static func write(_ reports: [PhotoReport], to path: String) throws {
        let writer = try AtomicFileWriter(path: path)
        for report in reports { try writer.write(Array((line(report) + "\n").utf8)) }
        try writer.commit()
    }
}
