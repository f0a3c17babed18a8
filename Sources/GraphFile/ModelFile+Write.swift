import Checkpoints
import Files
import Foundation
import TensorFiles
import Tensors

extension ModelFile {
    /// The element type that a tensor is stored with: `requested` for matrices and kernels. Scalars and vectors (biases, norms) stay
    /// float32: they are a thousandth of the bytes, and their rounding would touch whole channels. Integers stay as they are.
    public static func storedElementType(of type: TensorType, requested: ElementType) -> ElementType {
        guard type.elementType.isFloatingPoint else { return type.elementType }
        return type.shape.rank >= 2 ? requested : .float32
    }

    /// Writes a model. It is written beside its place and renamed at the end, so on an error nothing is left behind.
    ///
    /// No more than a few megabytes of the tensors are in memory at a time. The source files are hashed at the same time, by a second thread.
    ///
    /// - `parameters`: the tensors to take from the source, in the order that they will have in the file.
    /// - `elementType`: float32, float16 or bfloat16, see ``storedElementType(of:requested:)``.
    /// - `isVerbatim`: says of a parameter, by its name, whether it is stored as it is: no weight, but numbers that a graph counts on.
    /// - `constants`: further tensors, stored behind the parameters as they are.
    /// - `converter`: the program and its version, for the provenance.
    /// - `progress`: called now and then with the bytes of tensors that are written, and those of all.
    /// - Throws: an `InputError` for a tensor that is missing, that holds values which are not finite, or which float16 cannot hold, and for all
    ///   that can go wrong with the files.
    public static func write(
        _ contents: ModelFileContents, to path: String, parameters: [String], from source: any CheckpointSource,
        elementType: ElementType = .float32, isVerbatim: (String) -> Bool = { _ in false }, constants: [(name: String, tensor: Tensor)] = [], converter: String,
        progress: ((_ done: Int, _ total: Int) -> Void)? = nil
    ) throws {
        precondition([.float32, .float16, .bfloat16].contains(elementType), "weights are stored as float32, float16 or bfloat16")
        var entries: [(name: String, type: TensorType)] = try parameters.map { name in
            guard let type = source.type(of: name) else { throw InputError("there is no such tensor in the checkpoint", at: name) }
            return (name, isVerbatim(name) ? type : TensorType(storedElementType(of: type, requested: elementType), type.shape))
        }
        entries += constants.map { ($0.name, $0.tensor.type) }

        let hashing = try SourceHashing(paths: source.paths)
        defer { hashing.cancel() }
        let noDigest = String(repeating: "0", count: 64)
        var metadata = [
            Key.formatVersion: contents.family == nil ? "2" : "1",
            Key.provenance: encode(Provenance(converter: converter, sources: hashing.unhashedSources)),
            Key.checksums: encode(Dictionary(uniqueKeysWithValues: entries.map { ($0.name, noDigest) })),
            Key.metadataDigest: noDigest,
        ]
        if let family = contents.family { metadata.merge(family.metadata) { $1 } }
        for (name, text) in contents.graphs { metadata[Key.graphPrefix + name] = text }

        let writer = try SafetensorsWriter(path: path, entries: entries, metadata: metadata)
        var stream = TensorStream(writer: writer, total: entries.reduce(0) { $0 + $1.type.byteCount }, progress: progress)
        for entry in entries.prefix(parameters.count) {
            do {
                try stream.write(entry.name, from: source, as: isVerbatim(entry.name) ? nil : entry.type.elementType)
            } catch let error as InputError {
                // An error of the output already says where it is.
                throw error.location == nil ? error.at(entry.name) : error
            }
        }
        for (name, tensor) in constants {
            try tensor.withBytes { try stream.write(name, $0) }
        }

        metadata[Key.checksums] = encode(stream.checksums)
        metadata[Key.provenance] = encode(Provenance(converter: converter, sources: hashing.finish()))
        metadata[Key.metadataDigest] = metadataDigest(metadata, types: entries)
        for key in [Key.checksums, Key.provenance, Key.metadataDigest] { try writer.replaceMetadata(key, with: metadata[key]!) }
        try writer.finish()
    }

    /// JSON with sorted keys, so that the same values make the same bytes.
    private static func encode(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { preconditionFailure("not representable as JSON: \(value)") }
        return String(decoding: data, as: UTF8.self)
    }
}

/// Sends tensors to the writer, converted, checked and hashed on the way.
private struct TensorStream {
    let writer: SafetensorsWriter
    let total: Int
    let progress: ((Int, Int) -> Void)?
    private(set) var checksums: [String: String] = [:]
    private var done = 0

    init(writer: SafetensorsWriter, total: Int, progress: ((Int, Int) -> Void)?) {
        self.writer = writer
        self.total = total
        self.progress = progress
    }

    /// A tensor that is in memory.
    mutating func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
        let hash = SHA256()
        try send(bytes, hash)
        checksums[name] = hash.finish()
    }

    /// - Parameter elementType: nil to store the tensor as it is.
    mutating func write(_ name: String, from source: any CheckpointSource, as elementType: ElementType?) throws {
        let type = source.type(of: name)!
        let hash = SHA256()
        if let elementType, type.elementType.isFloatingPoint {
            try writeFloats(name, type, from: source, as: elementType, hash)
        } else {
            try source.forEachPiece(of: name) { try send($0, hash) }
        }
        checksums[name] = hash.finish()
    }

    private mutating func writeFloats(
        _ name: String, _ type: TensorType, from source: any CheckpointSource, as elementType: ElementType, _ hash: SHA256
    ) throws {
        let widest = max(elementType.byteSize, type.elementType.byteSize)
        let converted = UnsafeMutableRawBufferPointer.allocate(
            byteCount: elementType == .float32 ? 0 : min(CheckpointPieces.byteLimit / type.elementType.byteSize, type.elementCount) * widest,
            alignment: 64)
        defer { converted.deallocate() }
        var nonFinite = 0
        var tooLarge = 0
        try source.forEachFloatPiece(of: name) { floats in
            nonFinite += ElementConversion.nonFiniteCount(floats)
            guard elementType != .float32 else { return try send(UnsafeRawBufferPointer(floats), hash) }
            let target = UnsafeMutableRawBufferPointer(rebasing: converted[..<(floats.count * elementType.byteSize)])
            ElementConversion.convertFromFloat32(floats, to: elementType, into: target)
            tooLarge += ElementConversion.nonFiniteCount(UnsafeRawBufferPointer(target), elementType)
            try send(UnsafeRawBufferPointer(target), hash)
        }
        guard nonFinite == 0 else {
            throw InputError(
                "\(nonFinite) of \(type.elementCount) values are not finite", at: name,
                advice: "The checkpoint is damaged, or comes from a training run that diverged.")
        }
        guard tooLarge == 0 else {
            throw InputError(
                "\(tooLarge) of \(type.elementCount) values are too large for \(elementType.rawValue)", at: name,
                advice: "Convert with `elementType` bfloat16 or float32.")
        }
    }

    private mutating func send(_ bytes: UnsafeRawBufferPointer, _ hash: SHA256) throws {
        hash.update(bytes)
        try writer.write(bytes)
        done += bytes.count
        progress?(done, total)
    }
}
