import Files
import Foundation
import Tensors

/// The files beside a model that hold its large tensors, mapped.
///
/// A model can name any path; only files inside its own folder are opened, whatever links are on the way.
final class ExternalData: Sendable {
    private let folder: String
    private let files = Locked<[[UInt8]: MappedFile]>([:])

    /// - Parameter folder: the folder of the model; "" for the current one.
    init(folder: String) { self.folder = folder.isEmpty ? "." : folder }

    /// The files that were opened, in the order of their names.
    var paths: [String] { files.withLock { $0.values.map(\.path).sorted() } }

    /// Where a tensor's bytes are, by the entries of its `external_data`.
    func locate(_ entries: [String: String], byteCount: Int) throws -> (file: MappedFile, range: Range<Int>) {
        guard let location = entries["location"], !location.isEmpty else { throw InputError("has external data without a location") }
        func number(_ key: String) throws -> Int? {
            guard let text = entries[key] else { return nil }
            guard let value = Int(text), value >= 0 else { throw InputError("has external data with the \(key) '\(text)'") }
            return value
        }
        let offset = try number("offset") ?? 0
        if let length = try number("length"), length != byteCount {
            throw InputError("takes \(byteCount) bytes, but declares external data of \(length)")
        }
        let file = try open(location)
        let (end, overflow) = offset.addingReportingOverflow(byteCount)
        guard !overflow, end <= file.byteCount else {
            throw InputError(
                "should be at bytes \(offset)..<\(overflow ? .max : end) of '\(location)', which has \(file.byteCount)",
                advice: "The file was cut short, or belongs to another model.")
        }
        return (file, offset..<end)
    }

    private func open(_ location: String) throws -> MappedFile {
        try files.withLock { files in
            let key = Array(location.utf8)
            if let file = files[key] { return file }
            let file = try MappedFile(path: resolve(location))
            files[key] = file
            return file
        }
    }

    private func resolve(_ location: String) throws -> String {
        let outside = InputError(
            "names external data outside the model's folder: '\(location)'",
            advice: "Only files beside the model, or in folders there, are read.")
        guard location.utf8.first != UInt8(ascii: "/"), !location.utf8.contains(0),
            !location.utf8.split(separator: UInt8(ascii: "/")).contains(where: { $0.elementsEqual("..".utf8) })
        else { throw outside }
        let path = FilePath.join(folder, location)
        guard let realFolder = FilePath.resolved(folder), let realFile = FilePath.resolved(path) else {
            throw InputError("needs the file '\(location)' beside the model: \(systemErrorMessage())", at: path)
        }
        guard realFile.utf8.starts(with: FilePath.join(realFolder, "").utf8) else { throw outside }
        return realFile
    }
}
