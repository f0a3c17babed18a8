import CZlib
import Files
import Tensors

/// Arrays by name in a zip archive, as `numpy.savez` and `numpy.savez_compressed` write them: an entry `NAME.npy` each.
enum NumPyArchive {
    static func read(_ bytes: UnsafeRawBufferPointer) throws -> [(name: String, tensor: Tensor)] {
        let archive = try ZipArchive(bytes)
        let entries = try archive.names.sorted().map { (name: $0, entry: try archive.entry($0)!) }
        // A small archive of many entries that all unpack the same bytes would be a large one.
        let ranges = entries.map(\.entry.range).filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }
        guard zip(ranges, ranges.dropFirst()).allSatisfy({ $0.upperBound <= $1.lowerBound }) else {
            throw InputError("holds entries that overlap", advice: "Write the archive again.")
        }
        // No single size is larger than the file, times the most that deflate can do, so that the sum does not overflow.
        for (name, entry) in entries where entry.size > (entry.range.count + 1) * 1032 { throw damaged.at(name) }
        try AvailableMemory.require(entries.reduce(0) { $0 + $1.entry.size }, for: "the archive, unpacked,")
        return try entries.map { name, entry in
            let packed = UnsafeRawBufferPointer(rebasing: bytes[entry.range])
            let checksum = UInt(archive.checksum(of: name) ?? 0)
            do {
                let tensor: Tensor
                switch entry.compression {
                case .none:
                    guard self.checksum([], packed) == checksum else { throw damaged }
                    tensor = try NumPyArray.decode(packed)
                case .deflate:
                    var inflater = try Inflater(packed)
                    tensor = try unpack(&inflater, size: entry.size, checksum: checksum)
                }
                return (name.hasSuffix(".npy") ? String(name.dropLast(4)) : name, tensor)
            } catch let error as InputError {
                throw error.at(name)
            }
        }
    }

    private static let damaged = InputError("is damaged", advice: "Write the archive again.")

    /// Unpacks an array into the tensor's own memory, which the system gives only as far as it is written. So a size that is declared takes none.
    private static func unpack(_ inflater: inout Inflater, size: Int, checksum: UInt) throws -> Tensor {
        var start = [UInt8](repeating: 0, count: min(size, NumPyArray.longestPreamble))
        guard try start.withUnsafeMutableBytes({ try inflater.read(into: $0) }) == start.count else { throw damaged }
        let (declaration, preamble) = try start.withUnsafeBytes { bytes in
            var reader = BoundedReader(bytes)
            return (try NumPyArray.declaration(&reader, byteCount: size), reader.position)
        }
        guard preamble + declaration.type.byteCount == size else { throw damaged }
        var tensor = Tensor(declaration.type)
        try tensor.withMutableBytes { bytes in
            let first = start.count - preamble
            start.withUnsafeBytes { bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[preamble...])) }
            let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[first...])
            guard try inflater.read(into: rest) == rest.count, try inflater.isAtEnd(),
                self.checksum(Array(start[..<preamble]), UnsafeRawBufferPointer(bytes)) == checksum
            else { throw damaged }
        }
        try NumPyArray.decode(declaration, inPlace: &tensor)
        return tensor
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
            let sum = tensor.withBytes { checksum(header, $0) }
            var fields: [UInt8] = []
            fields += little(20, 2) + little(0x800, 2) + little(0, 2) + little(0, 2) + little(0x21, 2)  // version, UTF-8, stored, 1980-01-01
            fields += little(Int(sum), 4) + little(size, 4) + little(size, 4) + little(entryName.count, 2) + little(0, 2)
            let local = little(0x0403_4b50, 4) + fields + entryName
            directory += little(0x0201_4b50, 4) + little(20, 2) + fields + little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4)
            directory += little(offset, 4) + entryName
            try output.write(local + header)
            try tensor.withBytes(output.write)
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
