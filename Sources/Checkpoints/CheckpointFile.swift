import Files
import TensorFiles
import Tensors

/// The tensors of one checkpoint file, whatever its format.
public final class CheckpointFile: CheckpointSource {
    public let format: CheckpointFormat
    public let names: [String]
    private let file: MappedFile
    private let tensors: [String: StoredTensor]

    public var paths: [String] { [file.path] }

    init(file: MappedFile, format: CheckpointFormat, tensors: [(name: String, tensor: StoredTensor)]) {
        self.file = file
        self.format = format
        names = tensors.map(\.name)
        self.tensors = Dictionary(tensors.map { ($0.name, $0.tensor) }, uniquingKeysWith: { _, last in last })
    }

    public func type(of name: String) -> TensorType? { tensors[name]?.type }

    public func forEachPiece(of name: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard let tensor = tensors[name] else { throw InputError("holds no tensor '\(name)'", at: file.path) }
        try tensor.forEachPiece(in: file, body)
    }
}

/// How a checkpoint file is built.
public enum CheckpointFormat: String, Sendable {
    /// `torch.save` since PyTorch 1.6: a zip archive with a pickle and a file for each storage.
    case torchArchive = "PyTorch archive"
    /// `torch.save` before, or with `_use_new_zipfile_serialization=False`: pickles, then the storages.
    case legacyTorch = "old PyTorch file"
    case safetensors = "safetensors"
}

/// Opens a checkpoint: a PyTorch archive, an old PyTorch file or a safetensors file. The contents decide, not the name.
///
/// Only the directory of the file is read. Nothing in it is executed: see ``PickleGlobal`` for what a pickle may ask for.
///
/// - Throws: an `InputError` with the path, where the file cannot be read, is something else, or is damaged.
public func openCheckpoint(_ path: String) throws -> CheckpointFile {
    let file = try MappedFile(path: path)
    do {
        return try file.withBytes { bytes in
            if ZipArchive.looksLike(bytes) {
                return CheckpointFile(file: file, format: .torchArchive, tensors: try TorchArchive.tensors(in: bytes))
            }
            if LegacyTorchFile.looksLike(bytes) {
                return CheckpointFile(file: file, format: .legacyTorch, tensors: try LegacyTorchFile.tensors(in: bytes))
            }
            if SafetensorsFile.looksLike(bytes) {
                return CheckpointFile(file: file, format: .safetensors, tensors: try safetensors(in: file))
            }
            throw foreignFileError(bytes)
        }
    } catch let error as InputError {
        throw error.location?.hasPrefix(path) == true ? error : error.at(path)
    }
}

private func safetensors(in file: MappedFile) throws -> [(name: String, tensor: StoredTensor)] {
    let contents = try SafetensorsFile(file: file)
    guard !contents.tensorNames.isEmpty else { throw InputError("holds no tensors") }
    return contents.tensorNames.compactMap { name in
        contents.entry(name).map { (name, StoredTensor(type: $0.type, start: $0.byteRange.lowerBound)) }
    }
}

/// Says what a file is that is no checkpoint, as far as its first bytes tell.
private func foreignFileError(_ bytes: UnsafeRawBufferPointer) -> InputError {
    let expected = "A checkpoint is a file of torch.save (.pth, .pt, .ckpt) or a .safetensors file."
    if bytes.isEmpty { return InputError("is empty", advice: "Download or copy it again.") }
    let known: [(start: [UInt8], what: String, advice: String)] = [
        (Array("version https://git-lfs".utf8), "is a Git LFS pointer, not the file itself", "Fetch the file with 'git lfs pull'."),
        ([0x1f, 0x8b], "is compressed with gzip", "Unpack it first. \(expected)"),
        ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "is compressed with xz", "Unpack it first. \(expected)"),
        ([0x28, 0xb5, 0x2f, 0xfd], "is compressed with zstd", "Unpack it first. \(expected)"),
        ([0x37, 0x7a, 0xbc, 0xaf], "is a 7-Zip archive", "Unpack it first. \(expected)"),
        ([0x89, 0x48, 0x44, 0x46], "is an HDF5 file", expected),
        (Array("GGUF".utf8), "is a GGUF file", expected),
        ([0x89, 0x50, 0x4e, 0x47], "is a PNG image", expected),
        ([0xff, 0xd8, 0xff], "is a JPEG image", expected),
    ]
    if let match = known.first(where: { bytes.starts(with: $0.start) }) { return InputError(match.what, advice: match.advice) }
    if bytes.count > 262, bytes[257..<262].elementsEqual("ustar".utf8) {
        return InputError("is a tar archive, as the first versions of PyTorch wrote them", advice: "Load it with PyTorch and save it again.")
    }
    if bytes[0] == 0x80, bytes.count > 1, (2...5).contains(bytes[1]) {
        return InputError("is a pickle, but torch.save did not write it", advice: expected)
    }
    let beginning = bytes.prefix(512)
    if let text = String(validating: beginning.dropLast(beginning.count == 512 ? 4 : 0), as: UTF8.self), !text.contains("\0") {
        let lowered = text.lowercased()
        if lowered.contains("<!doctype") || lowered.contains("<html") {
            return InputError(
                "is a web page, not a checkpoint", advice: "A download probably ended at a login or error page. Download the file itself.")
        }
        return InputError("is a text file, not a checkpoint", advice: expected)
    }
    if bytes.count >= 9, bytes[8] == UInt8(ascii: "{") {
        return InputError("looks like a safetensors file, but the length of its header is impossible", advice: "Download or copy it again.")
    }
    return InputError("is of no known format", advice: expected)
}
