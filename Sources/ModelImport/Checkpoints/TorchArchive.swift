import Tensors

/// The zip archives of `torch.save`: in one folder of any name `data.pkl`, the pickle of the object, and `data/KEY`, the bytes of each storage.
enum TorchArchive {
    static func tensors(in bytes: UnsafeRawBufferPointer) throws -> [(name: String, tensor: StoredTensor)] {
        let archive = try ZipArchive(bytes)
        let pickleName = try picklePath(in: archive)
        let folder = pickleName.dropLast("data.pkl".count)
        if let order = archive.entries["\(folder)byteorder"], !bytes[order.range].elementsEqual("little".utf8) {
            throw InputError("was written on a machine with another byte order", advice: "Save it again on a little-endian machine.")
        }
        let entry = archive.entries[pickleName]!
        let pickle = UnsafeRawBufferPointer(rebasing: bytes[entry.range])
        guard CRC32.checksum(of: pickle) == entry.checksum else {
            throw InputError("the archive is damaged: the checksum of its pickle is wrong", advice: "Download or copy it again.")
        }
        let heap = PickleHeap()
        var unpickler = Unpickler(BoundedReader(pickle), heap: heap)
        let value = try unpickler.read()
        return try withExtendedLifetime(heap) {
            try StateDict.tensors(in: value).map { name, tensor in
                guard let data = archive.entries["\(folder)data/\(tensor.storage.key)"] else {
                    throw InputError(
                        "the archive lacks the data of '\(name)' (data/\(tensor.storage.key))", advice: "Download or copy it again.")
                }
                return (name, try StateDict.place(tensor, named: name, data: data.range, fileSize: bytes.count))
            }
        }
    }

    private static func picklePath(in archive: ZipArchive) throws -> String {
        // A folder more or less does not matter, but there must be one pickle alone.
        let candidates = archive.entries.keys.filter { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }.sorted()
        if archive.entries.keys.contains(where: { $0.hasSuffix("constants.pkl") || $0.contains("/code/") || $0.hasPrefix("code/") || $0.hasSuffix("/model.json") }) {
            throw InputError(
                "is a TorchScript program, not a state dict", advice: "Save the network's tensors: torch.save(model.state_dict(), path).")
        }
        guard let path = candidates.first else {
            throw InputError(
                "is a zip archive, but torch.save did not write it: it has no data.pkl", advice: "If the checkpoint is packed in it, unpack it first.")
        }
        guard candidates.count == 1 else { throw InputError("is an archive with \(candidates.count) pickles; which to read is not clear") }
        return path
    }
}
