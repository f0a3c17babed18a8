import Files
import Foundation
import Tensors

/// A safetensors file, mapped: 8 bytes with the header's length (little-endian), the header (JSON: for each tensor its element type, shape and
/// byte range, and `__metadata__`, strings by name), then the tensors' bytes, row-major.
///
/// The whole header is checked when the file is opened, so that no tensor reaches outside the file or into another one. Bytes that belong to no
/// tensor are accepted. See https://github.com/huggingface/safetensors for the format.
public final class SafetensorsFile: Sendable {
    /// Longest header that is read, as in the reference implementation.
    public static let headerLimit = 100_000_000

    /// Tensors whose names start with this only fill the space up to the next multiple of 64 bytes. They are not listed.
    public static let paddingPrefix = "__padding__."

    public let file: MappedFile
    /// Where the tensors' bytes begin.
    public let dataOffset: Int
    public let metadata: [String: String]
    /// In the order of their bytes in the file.
    public let tensorNames: [String]
    private let entries: [String: Entry]

    /// A tensor's type, and where its bytes are in the file.
    public struct Entry: Hashable, Sendable {
        public var type: TensorType
        /// Counted from the start of the file.
        public var byteRange: Range<Int>
    }

    /// - Throws: an `InputError` with the path where the file cannot be read or its header is broken.
    public convenience init(path: String) throws { try self.init(file: MappedFile(path: path)) }

    public init(file: MappedFile) throws {
        self.file = file
        do {
            let header = try file.withBytes { bytes in
                var header = Header(dataOffset: 8 + (try SafetensorsFile.headerLength(in: bytes)), fileSize: bytes.count)
                var scanner = SafetensorsHeaderScanner(UnsafeRawBufferPointer(rebasing: bytes[8..<header.dataOffset]))
                try scanner.object { scanner, key in try header.readMember(key, &scanner) }
                try scanner.expectEnd()
                try header.refuseOverlaps()
                return header
            }
            dataOffset = header.dataOffset
            metadata = header.metadata
            entries = header.entries
            tensorNames = header.order.filter { !$0.hasPrefix(SafetensorsFile.paddingPrefix) }
        } catch let error as InputError {
            throw error.at(file.path)
        }
    }

    /// Whether the first bytes look like a safetensors header. A longer header than the file still looks like one, that was cut short.
    public static func looksLike(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count > 8, bytes[8] == UInt8(ascii: "{") else { return false }
        return UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) <= headerLimit
    }

    /// A tensor's type and place, or nil where there is no such tensor.
    public func entry(_ name: String) -> Entry? { entries[name] }

    /// A tensor over the mapped bytes, without a copy; only where the file does not align them for their type are they copied.
    public func tensor(_ name: String) throws -> Tensor {
        guard let entry = entries[name] else { throw InputError("holds no tensor '\(name)'", at: file.path) }
        guard !entry.byteRange.isEmpty else { return Tensor(entry.type) }
        let storage = Storage(mapping: file, range: entry.byteRange)
        guard entry.byteRange.lowerBound % entry.type.elementType.byteSize != 0 else { return Tensor(type: entry.type, storage: storage) }
        return storage.withBytes { Tensor(entry.type, copying: $0) }
    }

    private static func headerLength(in bytes: UnsafeRawBufferPointer) throws -> Int {
        guard bytes.count > 8 else { throw InputError("is too short for a safetensors file (\(bytes.count) bytes)") }
        let declared = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard declared <= headerLimit else {
            throw InputError("is not a safetensors file: it would have a header of \(declared) bytes")
        }
        guard declared <= bytes.count - 8 else {
            throw InputError(
                "ends inside its header: \(declared) bytes are declared, \(bytes.count - 8) are there",
                advice: "The file was cut short; download or copy it again.")
        }
        return Int(declared)
    }
}

/// What the header says, checked entry by entry.
private struct Header {
    let dataOffset: Int
    let fileSize: Int
    var metadata: [String: String] = [:]
    var entries: [String: SafetensorsFile.Entry] = [:]
    var order: [String] = []

    init(dataOffset: Int, fileSize: Int) {
        self.dataOffset = dataOffset
        self.fileSize = fileSize
    }

    mutating func readMember(_ key: String, _ scanner: inout SafetensorsHeaderScanner) throws {
        guard key == "__metadata__" else {
            entries[key] = try readEntry(key, &scanner)
            order.append(key)
            return
        }
        var metadata: [String: String] = [:]
        try scanner.object { scanner, key in metadata[key] = try scanner.string() }
        self.metadata = metadata
    }

    private func readEntry(_ name: String, _ scanner: inout SafetensorsHeaderScanner) throws -> SafetensorsFile.Entry {
        var typeName: String?
        var dimensions: [Int]?
        var offsets: [Int]?
        try scanner.object { scanner, key in
            switch key {
            case "dtype": typeName = try scanner.string()
            case "shape": dimensions = try scanner.integers(limit: 64)
            case "data_offsets": offsets = try scanner.integers(limit: 2)
            default: throw InputError("the header is not valid: tensor '\(name)' has an unknown field '\(key)'")
            }
        }
        guard let typeName, let dimensions, let offsets, offsets.count == 2 else {
            throw InputError("the header is not valid: tensor '\(name)' needs dtype, shape and two data_offsets")
        }
        guard let elementType = ElementType(safetensorsName: typeName), elementType.safetensorsName == typeName else {
            throw InputError("tensor '\(name)' has the element type '\(typeName)', which is not supported")
        }
        let type = TensorType(elementType, Shape(dimensions))
        guard let count = type.shape.checkedElementCount else { throw InputError("tensor '\(name)' has an impossible shape: \(type.shape)") }
        let (byteCount, overflow) = count.multipliedReportingOverflow(by: elementType.byteSize)
        guard !overflow, offsets[0] <= offsets[1], offsets[1] - offsets[0] == byteCount else {
            throw InputError("tensor '\(name)' is \(type), which does not fit its byte range \(offsets[0])..<\(offsets[1])")
        }
        guard offsets[1] <= fileSize - dataOffset else {
            throw InputError(
                "tensor '\(name)' should end at byte \(offsets[1]) of the data, but there are only \(fileSize - dataOffset)",
                advice: "The file was cut short; download or copy it again.")
        }
        return SafetensorsFile.Entry(type: type, byteRange: dataOffset + offsets[0]..<dataOffset + offsets[1])
    }

    /// Also puts the names into the order of their bytes.
    mutating func refuseOverlaps() throws {
        let sorted = order.enumerated().map { (index: $0.offset, name: $0.element, range: entries[$0.element]!.byteRange) }
            .sorted { ($0.range.lowerBound, $0.range.upperBound, $0.index) < ($1.range.lowerBound, $1.range.upperBound, $1.index) }
        for (before, after) in zip(sorted, sorted.dropFirst()) where after.range.lowerBound < before.range.upperBound {
            throw InputError("the tensors '\(before.name)' and '\(after.name)' overlap in the file")
        }
        order = sorted.map(\.name)
    }
}
