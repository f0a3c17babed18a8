import Files
import Tensors

/// What `torch.save` wrote before its zip archives: a pickled magic number, protocol number and system description, the pickle of the object,
/// a pickled list of storage keys, and then each of these storages, its number of elements (64 bits) first.
enum LegacyTorchFile {
    /// 0x1950a86a20f9469cfc6c, little-endian, as a pickle has it.
    private static let magicNumber: [UInt8] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]
    private static let protocolVersion = 1001

    static func looksLike(_ bytes: UnsafeRawBufferPointer) -> Bool { magicNumberEnd(bytes) != nil }

    /// The magic number is too large for a plain integer, so its pickle is recognised as it is written: protocol, perhaps a frame, LONG1, STOP.
    private static func magicNumberEnd(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count > 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) else { return nil }
        let pickle = [0x8a, UInt8(magicNumber.count)] + magicNumber + [UInt8(ascii: ".")]
        for start in [2, 2 + 9] where bytes.dropFirst(start).starts(with: pickle) && (start == 2 || bytes[2] == 0x95) {
            return start + pickle.count
        }
        return nil
    }

    static func tensors(in bytes: UnsafeRawBufferPointer) throws -> [(name: String, tensor: StoredTensor)] {
        try PickleHeap.with { heap in
            var reader = BoundedReader(bytes, at: magicNumberEnd(bytes) ?? 0)
            func readPickle() throws -> PickleValue {
                var unpickler = Unpickler(reader, heap: heap)
                defer { reader = unpickler.reader }
                return try unpickler.read()
            }
            guard try readPickle().integer == protocolVersion else { throw InputError("is of a version of torch.save that is not known") }
            if case .dictionary(let system) = try readPickle(), case .bool(false)? = system.value("little_endian") {
                throw InputError("was written on a machine with another byte order", advice: "Save it again on a little-endian machine.")
            }
            let value = try readPickle()
            guard let keys = try readPickle().elements else { throw Unpickler.damaged("the list of storages is missing") }
            let tensors = try StateDict.tensors(in: value, heap)
            var data: [String: Range<Int>] = [:]
            for key in keys {
                // Only the pickle of the object knows how large an element is.
                guard let key = key.text, let storage = heap.storages[key] else { throw Unpickler.damaged("a storage has no description") }
                let (byteCount, overflow) = try reader.size64().multipliedReportingOverflow(by: storage.elementType?.byteSize ?? 1)
                guard !overflow else { throw InputError("a storage of impossible size") }
                let start = reader.position
                try reader.skip(byteCount)
                data[key] = start..<start + byteCount
            }
            return try tensors.map { name, tensor in
                guard let range = data[tensor.storage.key] else { throw Unpickler.damaged("the data of '\(name)' is missing") }
                return (name, try StateDict.place(tensor, named: name, data: range, fileSize: bytes.count))
            }
        }
    }
}
