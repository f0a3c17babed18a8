import Files

/// A chunk of a PNG file that is carried over as it is: nothing in it is unpacked or understood.
public struct PNGChunk: Hashable, Sendable {
    /// Four letters.
    public let type: String
    public let bytes: [UInt8]

    public init(type: String, bytes: [UInt8]) {
        precondition(type.utf8.count == 4, "the type of a chunk has four letters")
        self.type = type
        self.bytes = bytes
    }

    /// With its length in front and its checksum behind, as files have it.
    var encoded: [UInt8] {
        let body = Array(type.utf8) + bytes
        return PNGChunk.bigEndian(bytes.count) + body + PNGChunk.bigEndian(Int(CRC32.checksum(of: body)))
    }

    /// The sound chunks of a PNG file whose contents stay true when the picture is restored.
    ///
    /// - Parameter byteLimit: more than this is left out. It is far more than any photograph has, and little memory.
    static func carriedOver(from file: UnsafeRawBufferPointer, byteLimit: Int = 16 << 20, countLimit: Int = 1000) -> [PNGChunk] {
        var (chunks, read, place): ([PNGChunk], Int, Int) = ([], 0, PNGCodec.signature.count)
        while place + 12 <= file.count, chunks.count < countLimit {
            let length = Int(UInt32(bigEndian: file.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
            let end = place + 8 + length
            guard end + 4 <= file.count else { break }
            let bytes = file[place + 8..<end]
            let type = String(decoding: file[place + 4..<place + 8], as: UTF8.self)
            if isCarriedOver(type, bytes) {
                read += length
                guard read <= byteLimit else { break }
                let checksum = UInt32(bigEndian: file.loadUnaligned(fromByteOffset: end, as: UInt32.self))
                if checksum == CRC32.checksum(of: file[place + 4..<end]) { chunks.append(PNGChunk(type: type, bytes: Array(bytes))) }
            }
            place = end + 4
        }
        return chunks
    }

    /// XMP is an `iTXt`; IPTC, and EXIF of older programs, are a `zTXt` or `tEXt`; `cICP` says what the colours are, in place of a profile.
    private static func isCarriedOver(_ type: String, _ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        switch type {
        case "cICP": return bytes.count == 4
        case "tEXt", "zTXt", "iTXt":
            // A keyword of 1 to 79 letters, then a 0, then what the type wants at least.
            guard let end = bytes.prefix(80).firstIndex(of: 0), end > bytes.startIndex else { return false }
            let rest = bytes[(end + 1)...]
            switch type {
            case "zTXt": return rest.first == 0
            case "iTXt": return rest.count >= 4 && rest.first! <= 1 && rest.dropFirst(2).count { $0 == 0 } >= 2
            default: return true
            }
        default: return false
        }
    }

    private static func bigEndian(_ value: Int) -> [UInt8] { withUnsafeBytes(of: UInt32(value).bigEndian, Array.init) }
}
