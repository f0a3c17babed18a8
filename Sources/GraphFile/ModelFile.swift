import Checkpoints
import Files
import Foundation
import TensorFiles
import Tensors

/// A model in the project's own format, `.ddiff.safetensors`: a safetensors file whose metadata hold the graphs as text, what family of models
/// they are, where the model comes from, and a checksum for every tensor. Tensors start at multiples of 64 bytes and are used where they are mapped.
///
/// | metadata | value |
/// |---|---|
/// | `deblurdiff.format_version` | a whole number; a reader refuses what is newer than it knows |
/// | `deblurdiff.graph.NAME` | the text form of a graph |
/// | `deblurdiff.family` | ``ModelFamily/name``; absent where the graphs are of no family. Older files have a configuration alone and are "deblurdiff" |
/// | `deblurdiff.configuration` | ``ModelFamily/configuration`` |
/// | `deblurdiff.NAME` | any other: ``ModelFamily/texts`` |
/// | `deblurdiff.provenance` | ``Provenance`` as JSON |
/// | `deblurdiff.checksums` | a JSON object with the SHA-256 of every tensor's bytes |
/// | `deblurdiff.metadata_sha256` | the SHA-256 of all other metadata and of the tensors' names and types |
public final class ModelFile: Sendable {
    /// The newest version that is read. Files of a family are written as version 1, others as version 2.
    public static let formatVersion = 2

    public let path: String
    /// Text forms by name, as they were imported.
    public let graphs: [String: String]
    /// The version that the file is written in.
    public let version: Int
    /// Nil where the graphs are of no family.
    public let family: ModelFamily?
    public let provenance: Provenance
    /// 64 hexadecimal digits for each tensor.
    public let checksums: [String: String]
    /// The SHA-256 of all that makes a model: its metadata, among which are the checksums of all tensors. 64 hexadecimal digits.
    public var digest: String { contents.metadata[Key.metadataDigest] ?? "" }
    let contents: SafetensorsFile

    /// In the order of their bytes in the file.
    public var tensorNames: [String] { contents.tensorNames }

    /// Bytes of all tensors.
    public var tensorByteCount: Int { tensorNames.reduce(0) { $0 + (contents.entry($1)?.byteRange.count ?? 0) } }

    /// The mapping that all tensors share.
    public var file: MappedFile { contents.file }

    /// Opens a model. Its metadata are checked against their checksum; the tensors are only read when they are used, or by ``verify(progress:)``.
    ///
    /// - Throws: an `InputError` with the path, where the file cannot be read, is something else, or its metadata are damaged.
    public init(path: String) throws {
        self.path = path
        let file = try MappedFile(path: path)
        guard file.withBytes(SafetensorsFile.looksLike) else { throw ModelFile.notAModel(path) }
        let contents = try SafetensorsFile(file: file)
        self.contents = contents
        let metadata = contents.metadata
        guard let versionText = metadata[Key.formatVersion] else { throw ModelFile.notAModel(path) }
        guard let version = Int(versionText), version >= 1 else {
            throw InputError("has the format version '\(versionText)', which is no version", at: path)
        }
        guard version <= ModelFile.formatVersion else {
            throw InputError(
                "has the format version \(version); this program reads up to \(ModelFile.formatVersion)", at: path,
                advice: "Update deblurdiff, or convert the checkpoint again with this version.")
        }
        let types = contents.tensorNames.map { ($0, contents.entry($0)!.type) }
        guard metadata[Key.metadataDigest] == ModelFile.metadataDigest(metadata, types: types) else {
            throw InputError(
                "its header is damaged, or was changed: the checksum of its metadata is wrong", at: path,
                advice: "Copy or convert the model again.")
        }
        // Tensors are used where they are mapped. A header whose length is wrong moves all of them, and their numbers are others.
        for name in contents.tensorNames {
            guard let range = contents.entry(name)?.byteRange, !range.isEmpty, !range.lowerBound.isMultiple(of: Storage.alignment) else { continue }
            throw InputError(
                "the tensor '\(name)' starts at byte \(range.lowerBound), not at a multiple of \(Storage.alignment)", at: path,
                advice: "The file is damaged, or another program has written it anew. Copy or convert the model again.")
        }
        do {
            self.version = version
            family = try version >= 2 && metadata[Key.configuration] == nil ? nil : ModelFamily(metadata)
            provenance = try ModelFile.decode(Provenance.self, Key.provenance, metadata)
            checksums = try ModelFile.decode([String: String].self, Key.checksums, metadata)
        } catch let error as InputError {
            throw error.at(path)
        }
        graphs = Dictionary(
            metadata.lazy.filter { $0.key.hasPrefix(Key.graphPrefix) && !$0.key.hasPrefix(Key.optimizedGraphPrefix) }
                .map { (String($0.key.dropFirst(Key.graphPrefix.count)), $0.value) },
            uniquingKeysWith: { first, _ in first })
    }

    /// A tensor's type, or nil where there is no such tensor.
    public func type(of name: String) -> TensorType? { contents.entry(name)?.type }

    /// A tensor over the mapped bytes.
    public func tensor(_ name: String) throws -> Tensor { try contents.tensor(name) }

    enum Key {
        static let prefix = "deblurdiff."
        static let formatVersion = "deblurdiff.format_version"
        static let graphPrefix = "deblurdiff.graph."
        /// Graphs that older files hold beside the imported ones. They are passed over: what runs is what the passes of this program make.
        static let optimizedGraphPrefix = "deblurdiff.graph.optimized."
        static let family = "deblurdiff.family"
        static let configuration = "deblurdiff.configuration"
        static let provenance = "deblurdiff.provenance"
        static let checksums = "deblurdiff.checksums"
        static let metadataDigest = "deblurdiff.metadata_sha256"
    }

    /// The SHA-256 over lines of text: for each of the metadata but the digest itself, sorted by key, `key`, the value's length in bytes,
    /// and the value; then for each tensor, sorted by name, `name type`. Sorting is by Unicode code points. Offsets are left out, so that a
    /// tool may move tensors.
    static func metadataDigest(_ metadata: [String: String], types: [(name: String, type: TensorType)]) -> String {
        let hash = SHA256()
        func add(_ text: String) {
            var text = text
            text.withUTF8 { hash.update(UnsafeRawBufferPointer($0)) }
        }
        func precedes(_ a: String, _ b: String) -> Bool { a.unicodeScalars.lexicographicallyPrecedes(b.unicodeScalars) }
        for (key, value) in metadata.sorted(by: { precedes($0.key, $1.key) }) where key != Key.metadataDigest {
            add("\(key)\n\(value.utf8.count)\n")
            add(value)
            add("\n")
        }
        for (name, type) in types.sorted(by: { precedes($0.name, $1.name) }) { add("\(name) \(type)\n") }
        return hash.finish()
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ key: String, _ metadata: [String: String]) throws -> Value {
        guard let text = metadata[key] else { throw InputError("its header lacks '\(key)'", advice: "Convert the model again.") }
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch {
            throw InputError("'\(key)' in its header cannot be understood", advice: "Convert the model again.")
        }
    }

    private static func notAModel(_ path: String) -> InputError {
        // The opener knows what else it may be: a checkpoint, or something that is explained better there.
        do {
            let checkpoint = try openCheckpoint(path)
            return InputError(
                "is a checkpoint (\(checkpoint.format.rawValue)), not a converted model", at: path,
                advice: "Convert it first: deblurdiff convert \(FilePath.name(of: path)) -o MODEL.ddiff.safetensors")
        } catch let error as InputError {
            return InputError(
                "is not a converted model: \(error.what)", at: path,
                advice: "Pass the file that 'deblurdiff convert' wrote (.ddiff.safetensors).")
        } catch {
            return InputError("is not a converted model", at: path)
        }
    }
}

extension ModelFile {
    /// Says that a tensor's pages are not needed for now, so that they stop counting as resident memory.
    public func releasePages(of name: String) {
        guard let range = contents.entry(name)?.byteRange else { return }
        file.release(range)
    }
}
