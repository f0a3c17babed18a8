import CZlib
import Files
import Tensors

/// Unpacks bytes of the deflate format, as far as is asked for.
struct Inflater: ~Copyable {
    /// zlib keeps its address.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private var rest: UnsafeRawBufferPointer
    private var hasEnded = false

    /// - Parameter packed: must stay as it is while this lives.
    init(_ packed: UnsafeRawBufferPointer) throws {
        rest = packed
        stream.initialize(to: z_stream())
        guard inflateInit2_(stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw InputError("zlib cannot be started")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Fills the target as far as there are bytes.
    ///
    /// - Returns: how many bytes there were.
    /// - Throws: where they are not what deflate makes.
    mutating func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        let piece = 1 << 30
        var filled = 0
        while filled < target.count, !hasEnded {
            let (input, output) = (min(rest.count, piece), min(target.count - filled, piece))
            stream.pointee.next_in = UnsafeMutablePointer(mutating: rest.baseAddress?.assumingMemoryBound(to: UInt8.self))
            stream.pointee.avail_in = UInt32(input)
            stream.pointee.next_out = (target.baseAddress! + filled).assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_out = UInt32(output)
            let status = inflate(stream, Z_NO_FLUSH)
            let (read, written) = (input - Int(stream.pointee.avail_in), output - Int(stream.pointee.avail_out))
            rest = UnsafeRawBufferPointer(rebasing: rest[read...])
            filled += written
            hasEnded = status == Z_STREAM_END
            guard status == Z_OK || hasEnded, read + written > 0 || hasEnded else {
                throw InputError("is damaged", advice: "Write the archive again.")
            }
        }
        return filled
    }

    /// Whether nothing more comes, and nothing is left.
    mutating func isAtEnd() throws -> Bool {
        var byte: UInt8 = 0
        return try withUnsafeMutableBytes(of: &byte) { try read(into: $0) } == 0 && hasEnded && rest.isEmpty
    }
}
