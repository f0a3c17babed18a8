import Files
import Foundation
import Tensors

/// Writes a safetensors file whose tensors' bytes come one after the other, so that it never holds more than a piece of one.
///
/// Every tensor starts at a multiple of 64 bytes in the file. Readers of the format insist that the tensors leave no gap, so the gaps are tensors
/// themselves (``SafetensorsFile/paddingPrefix``).
///
/// The header comes before the data. What is only known afterwards (checksums) is declared with a placeholder of the same length and put in
/// with ``replaceMetadata(_:with:)``.
public final class SafetensorsWriter {
    public let path: String
    private let output: AtomicFileWriter
    private let entries: [(name: String, byteCount: Int, padding: Int)]
    /// Where the (escaped) values of the metadata lie in the file.
    private var metadataRanges: [String: Range<Int>] = [:]
    private var current = 0
    private var written = 0

    /// - `entries`: the tensors in the order in which their bytes will come.
    /// - `metadata`: written sorted by name, so that the same contents make the same bytes.
    public init(path: String, entries: [(name: String, type: TensorType)], metadata: [String: String] = [:]) throws {
        precondition(Set(entries.map(\.name)).count == entries.count, "two tensors of one name")
        self.path = path
        let alignment = Storage.alignment
        var header = Array("{".utf8)
        var separator = ""
        if !metadata.isEmpty {
            header += Array(#""__metadata__":{"#.utf8)
            for key in metadata.keys.sorted() {
                header += Array("\(separator)\(jsonString(key)):".utf8)
                let value = Array(jsonString(metadata[key]!).utf8)
                metadataRanges[key] = 8 + header.count..<8 + header.count + value.count
                header += value
                separator = ","
            }
            header += Array("}".utf8)
            separator = ","
        }
        var offset = 0
        var declared: [(name: String, byteCount: Int, padding: Int)] = []
        for (index, entry) in entries.enumerated() {
            precondition(entry.type.layout == .rowMajor, "safetensors are row-major")
            let byteCount = entry.type.byteCount
            // What comes behind the last tensor needs no alignment.
            let padding = index == entries.count - 1 ? 0 : (alignment - byteCount % alignment) % alignment
            header += Array("\(separator)\(jsonString(entry.name)):\(jsonEntry(entry.type, offset..<offset + byteCount))".utf8)
            separator = ","
            offset += byteCount
            if padding > 0 {
                let type = TensorType(.uint8, [padding])
                header += Array(",\"\(SafetensorsFile.paddingPrefix)\(index)\":\(jsonEntry(type, offset..<offset + padding))".utf8)
                offset += padding
            }
            declared.append((entry.name, byteCount, padding))
        }
        header += Array("}".utf8)
        header += [UInt8](repeating: UInt8(ascii: " "), count: (alignment - (8 + header.count) % alignment) % alignment)
        guard header.count <= SafetensorsFile.headerLimit else {
            throw InputError("would have a header of \(header.count) bytes; the limit is \(SafetensorsFile.headerLimit)", at: path)
        }
        self.entries = declared
        output = try AtomicFileWriter(path: path)
        try output.requireSpace(8 + header.count + offset)
        try output.write(withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) })
        try output.write(header)
    }

    /// Writes the next bytes of the tensor whose turn it is. A call must not reach into the next tensor.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard !bytes.isEmpty else { return }  // an empty tensor's turn has passed already
        try skipFinishedTensors()
        precondition(current < entries.count, "more bytes than were declared")
        precondition(written + bytes.count <= entries[current].byteCount, "more bytes than '\(entries[current].name)' has")
        try output.write(bytes)
        written += bytes.count
        try skipFinishedTensors()
    }

    /// Puts another value in the place of one that was declared. It must take as many bytes.
    public func replaceMetadata(_ key: String, with value: String) throws {
        let encoded = Array(jsonString(value).utf8)
        guard let range = metadataRanges[key], range.count == encoded.count else {
            preconditionFailure("the value of '\(key)' does not fit the space kept for it")
        }
        try output.rewrite(at: range.lowerBound, encoded)
    }

    /// Makes the file appear. All declared bytes must have been written.
    public func finish() throws {
        try skipFinishedTensors()
        precondition(current == entries.count, "'\(current < entries.count ? entries[current].name : "")' was not written")
        try output.commit()
    }

    private func skipFinishedTensors() throws {
        while current < entries.count, written == entries[current].byteCount {
            if entries[current].padding > 0 { try output.write([UInt8](repeating: 0, count: entries[current].padding)) }
            current += 1
            written = 0
        }
    }
}

/// Writes tensors that are in memory to a safetensors file, each at a multiple of 64 bytes.
public func writeSafetensors(path: String, tensors: [(String, Tensor)], metadata: [String: String] = [:]) throws {
    let writer = try SafetensorsWriter(path: path, entries: tensors.map { (name: $0.0, type: $0.1.type) }, metadata: metadata)
    for (_, tensor) in tensors {
        try tensor.withBytes(writer.write)
    }
    try writer.finish()
}

private func jsonEntry(_ type: TensorType, _ range: Range<Int>) -> String {
    let shape = type.shape.dimensions.map(String.init).joined(separator: ",")
    return
        #"{"dtype":"\#(type.elementType.safetensorsName)","shape":[\#(shape)],"data_offsets":[\#(range.lowerBound),\#(range.upperBound)]}"#
}

/// A JSON string with its quotes. Only what must be is escaped.
private func jsonString(_ text: String) -> String {
    var result = "\""
    result.reserveCapacity(text.utf8.count + 2)
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case ..<" ": result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
