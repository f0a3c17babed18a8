/// Reads the fields of a TIFF structure, which TIFF files and EXIF data are. Every offset and count is checked before it is followed.
struct TIFFFields {
    struct Entry: Hashable {
        var tag: UInt16
        var type: UInt16
        var count: Int
        /// Where the value's bytes lie.
        var range: Range<Int>
        /// Where the entry lies in its directory.
        var position: Int
    }

    struct Directory {
        /// Only those whose values lie within the bytes.
        var entries: [Entry] = []
        /// All of it, to behind the offset of the next directory.
        var range: Range<Int>
        /// The next directory's offset; 0 for none.
        var next: Int

        subscript(tag: UInt16) -> Entry? { entries.first { $0.tag == tag } }
    }

    let bytes: UnsafeRawBufferPointer
    let isBigEndian: Bool
    /// BigTIFF, with offsets of 8 bytes.
    let isBig: Bool

    /// Nil where the bytes do not begin as such a structure.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 8 else { return nil }
        switch (bytes[0], bytes[1]) {
        case (0x49, 0x49): isBigEndian = false
        case (0x4d, 0x4d): isBigEndian = true
        default: return nil
        }
        self.bytes = bytes
        let version = isBigEndian ? bytes[3] : bytes[2]
        guard version == 42 || version == 43 && bytes.count >= 16, (isBigEndian ? bytes[2] : bytes[3]) == 0 else { return nil }
        isBig = version == 43
    }

    private func number<Value: FixedWidthInteger>(_: Value.Type, at offset: Int) -> Int? {
        guard offset >= 0, offset <= bytes.count - MemoryLayout<Value>.size else { return nil }
        let value = bytes.loadUnaligned(fromByteOffset: offset, as: Value.self)
        return Int(exactly: isBigEndian ? value.bigEndian : value.littleEndian)
    }

    private func offset(at position: Int) -> Int? { isBig ? number(UInt64.self, at: position) : number(UInt32.self, at: position) }

    /// Where the offset of the first directory stands.
    var firstDirectoryPosition: Int { isBig ? 8 : 4 }

    var first: Directory? { offset(at: firstDirectoryPosition).flatMap { directory(at: $0) } }

    /// - Parameter limit: directories with more entries are taken for damaged.
    func directory(at start: Int, limit: Int = 4096) -> Directory? {
        guard start > 0, let count = isBig ? number(UInt64.self, at: start) : number(UInt16.self, at: start), (1...limit).contains(count) else { return nil }
        let (head, size, offsetSize) = isBig ? (8, 20, 8) : (2, 12, 4)
        let nextPosition = start + head + count * size
        guard nextPosition <= bytes.count else { return nil }
        // Some programs leave the last offset out.
        let next = offset(at: nextPosition) ?? 0
        var result = Directory(range: start..<min(nextPosition + offsetSize, bytes.count), next: next)
        for index in 0..<count {
            let position = start + head + index * size
            guard let tag = number(UInt16.self, at: position), let type = number(UInt16.self, at: position + 2),
                let count = offset(at: position + 4), let elementSize = TIFFField.elementSize(UInt16(type)), count <= bytes.count
            else { continue }
            let byteCount = count * elementSize
            let place = byteCount <= offsetSize ? position + 4 + offsetSize : offset(at: position + 4 + offsetSize) ?? bytes.count
            guard place <= bytes.count, byteCount <= bytes.count - place else { continue }
            result.entries.append(Entry(tag: UInt16(tag), type: UInt16(type), count: count, range: place..<place + byteCount, position: position))
        }
        return result
    }

    /// The directory that a field leads to: EXIF, GPS.
    func directory(_ tag: UInt16, of parent: Directory) -> Directory? { parent[tag].flatMap(number).flatMap { directory(at: $0) } }

    /// The first number of a whole-number field.
    func number(_ entry: Entry) -> Int? {
        guard entry.count > 0 else { return nil }
        switch entry.type {
        case 1, 7: return number(UInt8.self, at: entry.range.lowerBound)
        case 3: return number(UInt16.self, at: entry.range.lowerBound)
        case 4, 13: return number(UInt32.self, at: entry.range.lowerBound)
        case 16, 18: return number(UInt64.self, at: entry.range.lowerBound)
        default: return nil
        }
    }

    /// A text, without what follows the first zero.
    func text(_ entry: Entry) -> String? {
        guard entry.type == 2 else { return nil }
        let text = String(decoding: bytes[entry.range].prefix { $0 != 0 }, as: UTF8.self)
        return text.isEmpty ? nil : text
    }

    /// A fraction of whole numbers that are not negative.
    func fraction(_ entry: Entry) -> Double? {
        guard entry.type == 5, entry.count > 0, let top = number(UInt32.self, at: entry.range.lowerBound),
            let bottom = number(UInt32.self, at: entry.range.lowerBound + 4), bottom != 0
        else { return nil }
        return Double(top) / Double(bottom)
    }

    /// A field by itself.
    func field(_ entry: Entry) -> TIFFField {
        var value = Array(bytes[entry.range])
        if isBigEndian { TIFFField.swapElements(&value, type: entry.type) }
        return TIFFField(tag: entry.tag, type: entry.type, count: entry.count, bytes: value)
    }
}

/// A field of a TIFF structure by itself.
struct TIFFField: Hashable {
    var tag: UInt16
    var type: UInt16
    var count: Int
    /// The elements, little-endian.
    var bytes: [UInt8]

    static func text(_ tag: UInt16, _ text: String) -> TIFFField {
        let bytes = Array(text.utf8.filter { $0 != 0 }) + [0]
        return TIFFField(tag: tag, type: 2, count: bytes.count, bytes: bytes)
    }

    static func short(_ tag: UInt16, _ value: Int) -> TIFFField {
        TIFFField(tag: tag, type: 3, count: 1, bytes: withUnsafeBytes(of: UInt16(clamping: value).littleEndian, Array.init))
    }

    static func long(_ tag: UInt16, _ value: Int) -> TIFFField {
        TIFFField(tag: tag, type: 4, count: 1, bytes: withUnsafeBytes(of: UInt32(clamping: value).littleEndian, Array.init))
    }

    static func fraction(_ tag: UInt16, _ value: Double) -> TIFFField {
        let numbers = [UInt32(clamping: Int((value * 10000).rounded())).littleEndian, UInt32(10000).littleEndian]
        return TIFFField(tag: tag, type: 5, count: 1, bytes: numbers.withUnsafeBytes(Array.init))
    }

    static func bytes(_ tag: UInt16, _ bytes: [UInt8]) -> TIFFField { TIFFField(tag: tag, type: 7, count: bytes.count, bytes: bytes) }

    /// Bytes of an element, nil for types that there are not.
    static func elementSize(_ type: UInt16) -> Int? {
        switch type {
        case 1, 2, 6, 7: 1
        case 3, 8: 2
        case 4, 9, 11, 13: 4
        case 5, 10, 12, 16, 17, 18: 8
        default: nil
        }
    }

    /// Turns the bytes of each number around.
    static func swapElements(_ bytes: inout [UInt8], type: UInt16) {
        let size = [5, 10].contains(type) ? 4 : elementSize(type) ?? 1
        guard size > 1 else { return }
        for start in stride(from: 0, to: bytes.count - size + 1, by: size) { bytes[start..<start + size].reverse() }
    }
}

/// Changes a TIFF structure: values are patched where they stand, or appended, so that all other bytes stay where they are and offsets into them
/// stay right, those within makers' notes too.
struct TIFFEditor {
    private(set) var bytes: [UInt8]
    private let isBigEndian: Bool

    /// An empty structure.
    init() {
        bytes = [0x49, 0x49, 42, 0, 0, 0, 0, 0]
        isBigEndian = false
    }

    /// Nil for what is no such structure, or a BigTIFF.
    init?(_ bytes: [UInt8]) {
        guard let kind = bytes.withUnsafeBytes({ TIFFFields($0).map { ($0.isBigEndian, $0.isBig) } }), !kind.1 else { return nil }
        self.bytes = bytes
        isBigEndian = kind.0
    }

    /// Reads what there is now.
    func read<Result>(_ body: (TIFFFields) -> Result?) -> Result? { bytes.withUnsafeBytes { TIFFFields($0).flatMap(body) } }

    mutating func put<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        withUnsafeBytes(of: isBigEndian ? value.bigEndian : value.littleEndian) { bytes.replaceSubrange(offset..<offset + $0.count, with: $0) }
    }

    mutating func cut(at count: Int) { bytes.removeLast(bytes.count - count) }

    /// Sets a field of a single whole number where it stands.
    mutating func setNumber(_ value: Int, of entry: TIFFFields.Entry) {
        guard entry.count == 1, entry.type == 3 || entry.type == 4 else { return }
        if entry.type == 3, value <= UInt16.max {
            put(UInt16(value), at: entry.range.lowerBound)
        } else {
            put(UInt16(4), at: entry.position + 2)
            put(UInt32(clamping: value), at: entry.position + 8)
        }
    }

    /// Appends a directory and returns its offset.
    mutating func append(_ fields: [TIFFField], next: Int = 0) -> Int {
        let entries = fields.map { ($0.tag, encodedEntry($0)) }
        return append(entries: entries, next: next)
    }

    /// Puts fields into the first directory in place of those with their tags. The directory goes to the end if it grows.
    mutating func set(_ fields: [TIFFField]) {
        var (entries, next, start): ([(UInt16, [UInt8])], Int, Int) = ([], 0, 0)
        if let directory = read(\.first) {
            (next, start) = (directory.next, directory.range.lowerBound)
            let count = (directory.range.count - 2) / 12
            for index in 0..<count {
                let position = start + 2 + index * 12
                let entry = Array(bytes[position..<position + 12])
                entries.append((UInt16(entry[isBigEndian ? 0 : 1]) << 8 | UInt16(entry[isBigEndian ? 1 : 0]), entry))
            }
        }
        let count = entries.count
        for field in fields {
            let encoded = encodedEntry(field)
            if let index = entries.firstIndex(where: { $0.0 == field.tag }) { entries[index].1 = encoded } else { entries.append((field.tag, encoded)) }
        }
        if entries.count == count, start > 0 {
            bytes.replaceSubrange(start + 2..<start + 2 + 12 * count, with: entries.flatMap(\.1))
        } else {
            put(UInt32(append(entries: entries, next: next)), at: 4)
        }
    }

    private mutating func append(entries: [(tag: UInt16, bytes: [UInt8])], next: Int) -> Int {
        align()
        let start = bytes.count
        bytes += [0, 0]
        put(UInt16(entries.count), at: start)
        for entry in entries.sorted(by: { $0.tag < $1.tag }) { bytes += entry.bytes }
        bytes += [0, 0, 0, 0]
        put(UInt32(clamping: next), at: bytes.count - 4)
        return start
    }

    /// The twelve bytes of an entry; a value that does not fit in them is appended.
    private mutating func encodedEntry(_ field: TIFFField) -> [UInt8] {
        var value = field.bytes
        if isBigEndian { TIFFField.swapElements(&value, type: field.type) }
        var entry: [UInt8] = []
        func add<Value: FixedWidthInteger>(_ number: Value) {
            withUnsafeBytes(of: isBigEndian ? number.bigEndian : number.littleEndian) { entry += Array($0) }
        }
        add(field.tag)
        add(field.type)
        add(UInt32(field.count))
        if value.count <= 4 { return entry + value + [UInt8](repeating: 0, count: 4 - value.count) }
        align()
        add(UInt32(bytes.count))
        bytes += value
        return entry
    }

    private mutating func align() { if !bytes.count.isMultiple(of: 2) { bytes.append(0) } }
}
