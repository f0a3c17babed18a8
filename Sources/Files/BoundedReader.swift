/// Reads little-endian numbers from bytes of a file, and throws where they end.
public struct BoundedReader {
    public let bytes: UnsafeRawBufferPointer
    public var position: Int

    public init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    public var remaining: Int { bytes.count - position }

    public mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
        guard count >= 0, position >= 0, count <= bytes.count - position else {
            throw InputError("the file ends too early (at byte \(bytes.count))", advice: "It was cut short; download or copy it again.")
        }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    public mutating func skip(_ count: Int) throws { _ = try take(count) }

    public mutating func number<Value: FixedWidthInteger>(_: Value.Type = Value.self) throws -> Value {
        let field = try take(MemoryLayout<Value>.size)
        return Value(littleEndian: field.loadUnaligned(as: Value.self))
    }

    /// A length or an offset, which must fit a signed number to be of use.
    public mutating func size64() throws -> Int {
        let value: UInt64 = try number()
        guard let size = Int(exactly: value) else { throw InputError("a size of \(value) bytes is impossible") }
        return size
    }
}
