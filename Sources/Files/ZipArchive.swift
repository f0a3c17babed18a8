/// The directory of a zip archive, as `torch.save` and `numpy.savez` write them, zip64 included.
///
/// Format: PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3.
public struct ZipArchive {
    public let bytes: UnsafeRawBufferPointer
    private var records: [String: DirectoryRecord] = [:]

    private static let localSignature: UInt32 = 0x0403_4b50
    fileprivate static let directorySignature: UInt32 = 0x0201_4b50
    private static let endSignature: UInt32 = 0x0605_4b50
    private static let end64Signature: UInt32 = 0x0606_4b50
    private static let end64LocatorSignature: UInt32 = 0x0706_4b50

    public static func looksLike(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.starts(with: [0x50, 0x4b, 0x03, 0x04]) || bytes.starts(with: [0x50, 0x4b, 0x05, 0x06])
    }

    public init(_ bytes: UnsafeRawBufferPointer) throws {
        self.bytes = bytes
        let directory = try ZipArchive.findDirectory(bytes)
        var reader = BoundedReader(bytes, at: directory.lowerBound)
        while reader.position < directory.upperBound {
            let record = try DirectoryRecord(&reader)
            guard records.updateValue(record, forKey: record.name) == nil else {
                throw InputError("the archive holds '\(record.name)' twice")
            }
        }
    }

    public var names: some Sequence<String> { records.keys }

    /// The CRC-32 of an entry according to the directory. PyTorch can be told not to compute it, and then writes 0.
    public func checksum(of name: String) -> UInt32? { records[name]?.checksum }

    /// Finds the central directory from the records at the end of the file.
    private static func findDirectory(_ bytes: UnsafeRawBufferPointer) throws -> Range<Int> {
        let endSize = 22
        let longestComment = 0xffff
        var end: Int?
        for position in stride(from: bytes.count - endSize, through: max(0, bytes.count - endSize - longestComment), by: -1)
        where bytes[position] == 0x50 && bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self).littleEndian == endSignature {
            let comment = Int(bytes.loadUnaligned(fromByteOffset: position + 20, as: UInt16.self).littleEndian)
            if position + endSize + comment == bytes.count {
                end = position
                break
            }
        }
        guard let end else {
            throw InputError(
                "the archive's directory, which is at its end, is missing", advice: "The file was cut short; download or copy it again.")
        }
        var reader = BoundedReader(bytes, at: end + 4)
        let disk = try reader.number(UInt16.self)
        try reader.skip(2 + 2 + 2)
        var size = Int(try reader.number(UInt32.self))
        var offset = Int(try reader.number(UInt32.self))
        guard disk == 0 || disk == 0xffff else { throw InputError("is one part of an archive that was split over several files") }
        var limit = end

        if end >= 20, bytes.loadUnaligned(fromByteOffset: end - 20, as: UInt32.self).littleEndian == end64LocatorSignature {
            var locator = BoundedReader(bytes, at: end - 20 + 8)
            let position = try locator.size64()
            var record = BoundedReader(bytes, at: position)
            guard try record.number(UInt32.self) == end64Signature else { throw damaged("its zip64 record is not where it should be") }
            try record.skip(8 + 2 + 2 + 4 + 4 + 8 + 8)
            size = try record.size64()
            offset = try record.size64()
            limit = min(position, end)
        }
        guard offset <= limit, size <= limit - offset else { throw damaged("its directory reaches outside the file") }
        return offset..<offset + size
    }

    /// Where the bytes of an entry lie that is stored as it is, or nil where there is no such entry.
    public func range(of name: String) throws -> Range<Int>? {
        guard let entry = try entry(name) else { return nil }
        guard entry.compression == .none else {
            throw InputError(
                "the archive's entry '\(name)' is compressed, which torch.save never does",
                advice: "Load it with PyTorch and save it again, or pack it without compression (zip -0).")
        }
        return entry.range
    }

    public enum Compression: Hashable, Sendable { case none, deflate }

    /// Where an entry's bytes lie in the file, and how many there are when they are unpacked, as the directory says.
    public struct Entry: Hashable, Sendable {
        public var range: Range<Int>
        public var compression: Compression
        public var size: Int
    }

    /// The entry of a name, or nil where there is none.
    public func entry(_ name: String) throws -> Entry? {
        guard let record = records[name] else { return nil }
        guard record.flags & 1 == 0 else { throw InputError("the archive's entry '\(record.name)' is encrypted") }
        guard record.method == 8 || record.method == 0 && record.compressedSize == record.size else {
            throw InputError("the archive's entry '\(record.name)' is compressed by a method that is not supported (\(record.method))")
        }
        var local = BoundedReader(bytes, at: record.localHeader)
        guard record.localHeader < bytes.count, try local.number(UInt32.self) == ZipArchive.localSignature else {
            throw ZipArchive.damaged("the entry '\(record.name)' is not where its directory says")
        }
        // Its variable part need not be as long as the directory's, and its sizes may be missing.
        try local.skip(22)
        let nameLength = Int(try local.number(UInt16.self))
        let extraLength = Int(try local.number(UInt16.self))
        try local.skip(nameLength + extraLength)
        guard record.compressedSize <= local.remaining else { throw ZipArchive.damaged("the entry '\(record.name)' reaches outside the file") }
        return Entry(
            range: local.position..<local.position + record.compressedSize, compression: record.method == 0 ? .none : .deflate, size: record.size)
    }

    fileprivate static func damaged(_ what: String) -> InputError {
        InputError("the archive is damaged: \(what)", advice: "Download or copy it again.")
    }
}

/// One record of the central directory.
private struct DirectoryRecord {
    var name: String
    var flags: UInt16
    var method: UInt16
    var checksum: UInt32
    var compressedSize: Int
    var size: Int
    var localHeader: Int

    init(_ reader: inout BoundedReader) throws {
        guard try reader.number(UInt32.self) == ZipArchive.directorySignature else { throw ZipArchive.damaged("its directory is garbled") }
        try reader.skip(4)
        flags = try reader.number()
        method = try reader.number()
        try reader.skip(4)
        checksum = try reader.number()
        compressedSize = Int(try reader.number(UInt32.self))
        size = Int(try reader.number(UInt32.self))
        let nameLength = Int(try reader.number(UInt16.self))
        let extraLength = Int(try reader.number(UInt16.self))
        let commentLength = Int(try reader.number(UInt16.self))
        try reader.skip(8)
        localHeader = Int(try reader.number(UInt32.self))
        guard let name = String(validating: try reader.take(nameLength), as: UTF8.self) else {
            throw ZipArchive.damaged("an entry's name is not text")
        }
        self.name = name
        var extra = BoundedReader(try reader.take(extraLength))
        try reader.skip(commentLength)
        while extra.remaining >= 4 {
            let kind = try extra.number(UInt16.self)
            var field = BoundedReader(try extra.take(Int(try extra.number(UInt16.self))))
            guard kind == 1 else { continue }
            // zip64: 64-bit values for those of these fields that did not fit, in this order.
            if size == 0xffff_ffff { size = try field.size64() }
            if compressedSize == 0xffff_ffff { compressedSize = try field.size64() }
            if localHeader == 0xffff_ffff { localHeader = try field.size64() }
        }
    }
}
