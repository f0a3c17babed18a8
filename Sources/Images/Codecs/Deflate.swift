import CZlib

/// Bytes packed by zlib, in memory.
enum Deflate {
    /// Nil where they are damaged, or more than the limit.
    static func unpacked(_ packed: some Collection<UInt8>, limit: Int = 16 << 20) -> [UInt8]? {
        let packed = Array(packed)
        // At most this much can be in them.
        var size = uLong(min(limit, packed.count * 1040 + 64))
        var failed = true
        let result = [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, initialized in
            failed = uncompress(buffer.baseAddress, &size, packed, uLong(packed.count)) != Z_OK
            initialized = failed ? 0 : Int(size)
        }
        return failed ? nil : result
    }

    static func packed(_ bytes: [UInt8]) -> [UInt8] {
        var size = compressBound(uLong(bytes.count))
        return [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, initialized in
            let status = compress2(buffer.baseAddress, &size, bytes, uLong(bytes.count), 9)
            precondition(status == Z_OK, "zlib has enough room")
            initialized = Int(size)
        }
    }
}
