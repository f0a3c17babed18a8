import Files
import GraphTestSupport
import Tensors

/// Writes zip archives as `torch.save` does, with knobs for what can be wrong.
struct TestArchive {
    var folder = "archive"
    var entries: [(name: String, bytes: [UInt8])] = []
    /// Puts sizes and offsets into zip64 records.
    var zip64 = false
    var method: UInt16 = 0
    var flags: UInt16 = 0
    var withChecksums = true
    var comment = ""

    init(pickle: [UInt8], storages: [(key: String, bytes: [UInt8])] = []) {
        entries = [("data.pkl", pickle), ("byteorder", Array("little".utf8))]
        entries += storages.map { ("data/\($0.key)", $0.bytes) }
        entries.append(("version", Array("3\n".utf8)))
    }

    init(_ value: TestPickle, version: UInt8 = 2, storages: [(key: String, bytes: [UInt8])] = []) {
        self.init(pickle: TestPickler.pickle(value, version: version), storages: storages)
    }

    func encoded() -> [UInt8] {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for entry in entries {
            let name = Array((folder.isEmpty ? entry.name : "\(folder)/\(entry.name)").utf8)
            let offset = file.count
            let checksum = withChecksums ? CRC32.checksum(of: entry.bytes) : 0
            // Filler in the extra field puts the data at multiples of 64.
            let fixed = offset + 30 + name.count + 4
            let filler = [UInt8](repeating: 0x5a, count: (64 - fixed % 64) % 64)
            let localExtra = Array("FB".utf8) + littleEndian(UInt16(filler.count)) + filler
            let size = UInt32(entry.bytes.count)
            let common = littleEndian(flags) + littleEndian(method) + [0, 0, 0, 0] + littleEndian(checksum)
            file += littleEndian(UInt32(0x0403_4b50)) + [0, 0] + common + littleEndian(size) + littleEndian(size)
            file += littleEndian(UInt16(name.count)) + littleEndian(UInt16(localExtra.count)) + name + localExtra + entry.bytes

            let wide = littleEndian(UInt64(size)) + littleEndian(UInt64(size)) + littleEndian(UInt64(offset))
            let extra = zip64 ? littleEndian(UInt16(1)) + littleEndian(UInt16(wide.count)) + wide : []
            let shownSize = zip64 ? UInt32.max : size
            directory += littleEndian(UInt32(0x0201_4b50)) + [0, 0, 0, 0] + common + littleEndian(shownSize) + littleEndian(shownSize)
            directory += littleEndian(UInt16(name.count)) + littleEndian(UInt16(extra.count)) + [UInt8](repeating: 0, count: 10)
            directory += littleEndian(zip64 ? UInt32.max : UInt32(offset)) + name + extra
        }
        let start = file.count
        file += directory
        let count = entries.count
        if zip64 {
            let record = file.count
            file += littleEndian(UInt32(0x0606_4b50)) + littleEndian(UInt64(44)) + [0, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
            file += littleEndian(UInt64(count)) + littleEndian(UInt64(count)) + littleEndian(UInt64(directory.count)) + littleEndian(UInt64(start))
            file += littleEndian(UInt32(0x0706_4b50)) + [0, 0, 0, 0] + littleEndian(UInt64(record)) + littleEndian(UInt32(1))
        }
        file += littleEndian(UInt32(0x0605_4b50)) + [0, 0, 0, 0]
        file += littleEndian(zip64 ? UInt16.max : UInt16(count)) + littleEndian(zip64 ? UInt16.max : UInt16(count))
        file += littleEndian(zip64 ? UInt32.max : UInt32(directory.count)) + littleEndian(zip64 ? UInt32.max : UInt32(start))
        return file + littleEndian(UInt16(comment.utf8.count)) + Array(comment.utf8)
    }
}

/// The older form of `torch.save`.
func legacyTorchFile(_ value: TestPickle, version: UInt8 = 2, storages: [(key: String, count: Int, bytes: [UInt8])]) -> [UInt8] {
    let magic: TestPickle = .raw([0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19])
    let system: TestPickle = .dictionary([
        (.text("protocol_version"), .int(1001)), (.text("little_endian"), .bool(true)),
        (.text("type_sizes"), .dictionary([(.text("short"), .int(2)), (.text("int"), .int(4)), (.text("long"), .int(4))])),
    ])
    let parts: [TestPickle] = [magic, .int(1001), system, value, .list(storages.map { .text($0.key) })]
    return parts.flatMap { TestPickler.pickle($0, version: version) } + storages.flatMap { littleEndian(Int64($0.count)) + $0.bytes }
}
