import Foundation

/// What was measured on machines, kept in a small JSON file between runs: by machine, by subject, by name.
///
/// The file is a cache. What cannot be read counts as not measured, and a file that cannot be written is no reason to fail.
public struct MeasurementFile<Measurement: Codable & Sendable>: Sendable {
    public typealias Measurements = [String: [String: Measurement]]

    private struct Contents: Codable {
        var schema: String
        var machines: [String: Measurements] = [:]
    }

    private let path: String
    private let schema: String
    private let machine: String
    private static var mostBytes: Int { 4 << 20 }

    /// - `machine`: measurements of others are kept, and not looked at.
    public init(path: String, schema: String, machine: String) { (self.path, self.schema, self.machine) = (path, schema, machine) }

    public func read() -> Measurements { contents?.machines[machine] ?? [:] }

    private var contents: Contents? {
        guard let file = try? MappedFile(path: path), file.byteCount <= MeasurementFile.mostBytes,
            let contents = file.withBytes({ try? JSONDecoder().decode(Contents.self, from: Data($0)) }), contents.schema == schema
        else { return nil }
        return contents
    }

    /// Writes the file, with what others have put into it meanwhile of other subjects.
    ///
    /// - `mostSubjects`: where there would be more of them, those that are not among `measured` are forgotten.
    public func add(_ measured: Measurements, mostSubjects: Int = .max) {
        var contents = contents ?? Contents(schema: schema)
        contents.machines[machine, default: [:]].merge(measured) { $1 }
        if contents.machines[machine]!.count > mostSubjects { contents.machines[machine] = measured }
        try? FilePath.makeFolder(FilePath.folder(of: path))
        guard let writer = try? AtomicFileWriter(path: path) else { return }
        try? writer.write(Array(encodeJSON(contents).utf8))
        try? writer.commit()
    }
}
