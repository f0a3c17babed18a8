import Files
import Foundation

/// What was measured of a photograph: a line of JSON.
public struct PhotoMeasurement: Codable, Hashable, Sendable {
    public var image: String
    public var reference: String?
    /// Of the program, the image and the reference.
    var identity: String
    /// Upright, in pixels.
    public var width: Int?
    public var height: Int?
    /// By the metrics' identities. Infinite values are written as "inf".
    var values: [String: Double] = [:]
    /// Why metrics are not defined for it.
    var undefined: [String: String]?
    public var error: String?

    init(image: String, reference: String?, identity: String) {
        (self.image, self.reference, self.identity) = (image, reference, identity)
    }
}

/// A file of measurements, to which each is added when it is made, so that what was measured is not measured again.
final class MeasurementLedger {
    private var known: [String: PhotoMeasurement] = [:]
    private let file: FileHandle

    init(path: String) throws {
        let stream = open(FilePath.system(path), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
        guard stream >= 0 else { throw InputError("cannot open the file: \(systemErrorMessage())", at: path) }
        file = FileHandle(fileDescriptor: stream, closeOnDealloc: true)
        var isEmpty = true
        for line in LineReader(stream) {
            isEmpty = false
            // What was cut short by a crash is measured again.
            guard let measurement = try? Manifest.decoder.decode(PhotoMeasurement.self, from: Data(line)) else { continue }
            known[measurement.identity] = measurement
        }
        guard isEmpty || !known.isEmpty else { throw InputError("holds no measurements", at: path, advice: "Name another file, or a new one.") }
        // Behind a line that was cut short.
        if !isEmpty, try tail() != UInt8(ascii: "\n") { try file.write(contentsOf: Data("\n".utf8)) }
    }

    private func tail() throws -> UInt8? {
        try file.seek(toOffset: file.seekToEnd() - 1)
        return try file.read(upToCount: 1)?.first
    }

    subscript(identity: String) -> PhotoMeasurement? { known[identity] }

    func add(_ measurement: PhotoMeasurement) throws {
        known[measurement.identity] = measurement
        try file.write(contentsOf: Data((Manifest.line(measurement) + "\n").utf8))
    }
}
