import Files
import Tensors

/// The zip archives of `torch.save`: in one folder of any name `data.pkl`, the pickle of the object, and `data/KEY`, the bytes of each storage.
enum TorchArchive {
    static func tensors(in bytes: UnsafeRawBufferPointer) throws -> [(name: String, tensor: StoredTensor)] {
        let archive = try ZipArchive(bytes)
        let pickleName = try picklePath(in: archive)
        let folder = pickleName.dropLast("data.pkl".count)
        if let order = try archive.range(of: "\(folder)byteorder"), !bytes[order].elementsEqual("little".utf8) {
            throw InputError("was written on a machine with another byte order", advice: "Save it again on a little-endian machine.")
        }
        let pickle = UnsafeRawBufferPointer(rebasing: bytes[try archive.range(of: pickleName) ?? 0..<0])
        let checksum = archive.checksum(of: pickleName)
        guard checksum == 0 || checksum == CRC32.checksum(of: pickle) else {
            throw InputError("the archive is damaged: the checksum of its pickle is wrong", advice: "Download or copy it again.")
        }
        return try PickleHeap.with { heap in
            var unpickler = Unpickler(BoundedReader(pickle), heap: heap)
            let value = try unpickler.read()
            return try StateDict.tensors(in: value, heap).map { name, tensor in
                guard let data = try archive.range(of: "\(folder)data/\(tensor.storage.key)") else {
                    throw InputError(
                        "the archive lacks the data of '\(name)' (data/\(tensor.storage.key))", advice: "Download or copy it again.")
                }
                return (name, try StateDict.place(tensor, named: name, data: data, fileSize: bytes.count))
            }
        }
    }

    private static func picklePath(in archive: ZipArchive) throws -> String {
        let isProgram = archive.names.contains { name in
            name.hasSuffix("constants.pkl") || name.hasSuffix("model.json") || "/\(name)".contains("/code/")
        }
        guard !isProgram else {
            throw InputError(
                "is a TorchScript program, not a state dict", advice: "Save the network's tensors: torch.save(model.state_dict(), path).")
        }
        // A folder more or less does not matter, but there must be one pickle alone.
        let candidates = archive.names.filter { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }
        guard let path = candidates.first else {
            throw InputError(
                "is a zip archive, but torch.save did not write it: it has no data.pkl",
                advice: "If the checkpoint is packed in it, unpack it first.")
        }
        guard candidates.count == 1 else {
            throw InputError("is an archive with \(candidates.count) pickles; which to read is not clear")
        }
        return path
    }
}
