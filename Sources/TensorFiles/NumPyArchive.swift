import CZlib
import Tensors

/// Arrays by name in a zip archive, as `numpy.savez` and `numpy.savez_compressed` write them: an entry `NAME.npy` each.
enum NumPyArchive {
    static func read(_ bytes: UnsafeRawBufferPointer) throws -> [(name: String, tensor: Tensor)] {
        let archive = try ZipArchive(bytes)
        return try archive.names.sorted().map { name in
            let entry = try archive.entry(name)!
            let packed = UnsafeRawBufferPointer(rebasing: bytes[entry.range])
            do {
                let tensor: Tensor
                switch entry.compression {
                case .none: tensor = try NumPyArray.decode(packed)
                case .deflate: tensor = try inflated(packed, size: entry.size).withUnsafeBytes { try NumPyArray.decode($0) }
                }
                return (name.hasSuffix(".npy") ? String(name.dropLast(4)) : name, tensor)
            } catch let error as InputError {
                throw error.at(name)
            }
        }
    }

    /// Deflate makes at most 1,032 bytes of one, so no declared size can ask for more memory than the file is worth.
    private static func inflated(_ packed: UnsafeRawBufferPointer, size: Int) throws -> [UInt8] {
        let damaged = InputError("is damaged", advice: "Write the archive again.")
        guard size <= (packed.count + 1) * 1032, packed.count < Int(UInt32.max), size < Int(UInt32.max) else { throw damaged }
        var stream = z_stream()
        guard inflateInit2_(&stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw InputError("zlib cannot be started")
        }
        defer { inflateEnd(&stream) }
        stream.next_in = UnsafeMutablePointer(mutating: packed.assumingMemoryBound(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(packed.count)
        let result = [UInt8](unsafeUninitializedCapacity: size) { output, count in
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(size)
            count = inflate(&stream, Z_FINISH) == Z_STREAM_END ? size - Int(stream.avail_out) : 0
        }
        guard result.count == size else { throw damaged }
        return result
    }

    /// Writes an archive without compression.
    static func write(_ tensors: [(name: String, tensor: Tensor)], to path: String) throws {
        let output = try AtomicFileWriter(path: path)
        var directory: [UInt8] = []
        var offset = 0
        for (name, tensor) in tensors {
            let header = try NumPyArray.header(tensor.type)
            let size = header.count + tensor.type.byteCount
            let entryName = Array("\(name).npy".utf8)
            guard entryName.count < 0xffff else { throw InputError("a name of \(name.utf8.count) bytes is too long for an archive", at: path) }
            guard offset + size < Int(UInt32.max) - (1 << 20) else {
                throw InputError("would be larger than 4 GB", at: path, advice: "Write a .safetensors file.")
            }
            let sum = withExtendedLifetime(tensor.storage) { checksum(header, UnsafeRawBufferPointer(tensor.bytes)) }
            var fields: [UInt8] = []
            fields += little(20, 2) + little(0x800, 2) + little(0, 2) + little(0, 2) + little(0x21, 2)  // version, UTF-8, stored, 1980-01-01
            fields += little(Int(sum), 4) + little(size, 4) + little(size, 4) + little(entryName.count, 2) + little(0, 2)
            let local = little(0x0403_4b50, 4) + fields + entryName
            directory += little(0x0201_4b50, 4) + little(20, 2) + fields + little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4)
            directory += little(offset, 4) + entryName
            try output.write(local + header)
            try withExtendedLifetime(tensor.storage) { try output.write(UnsafeRawBufferPointer(tensor.bytes)) }
            offset += local.count + size
        }
        guard tensors.count < 0xffff else { throw InputError("would hold more than 65,534 arrays", at: path, advice: "Write a .safetensors file.") }
        let end = little(0x0605_4b50, 4) + little(0, 4) + little(tensors.count, 2) + little(tensors.count, 2)
        try output.write(directory + end + little(directory.count, 4) + little(offset, 4) + little(0, 2))
        try output.commit()
    }

    private static func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

    private static func checksum(_ header: [UInt8], _ data: UnsafeRawBufferPointer) -> UInt {
        var sum = crc32(0, header, UInt32(header.count))
        let bytes = data.assumingMemoryBound(to: UInt8.self)
        for start in stride(from: 0, to: data.count, by: 1 << 30) {
            sum = crc32(sum, bytes.baseAddress! + start, UInt32(min(1 << 30, data.count - start)))
        }
        return sum
    }
}
