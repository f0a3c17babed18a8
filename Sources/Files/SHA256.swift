import CCrypto

/// SHA-256, by libcrypto.
public struct SHA256 {
    private let context: OpaquePointer

    public init() {
        context = EVP_MD_CTX_new()
        EVP_DigestInit_ex(context, EVP_sha256(), nil)
    }

    public func update(_ bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress { EVP_DigestUpdate(context, base, bytes.count) }
    }

    /// The digest as 64 hexadecimal digits. Call once.
    public func finish() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        EVP_DigestFinal_ex(context, &digest, nil)
        EVP_MD_CTX_free(context)
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    public static func hexDigest(of bytes: UnsafeRawBufferPointer) -> String {
        let hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    /// Of some texts, each with its length in front, so that other parts have another digest.
    public static func hexDigest(of parts: [String]) -> String {
        let hash = SHA256()
        for part in parts {
            var text = "\(part.utf8.count) \(part)"
            text.withUTF8 { hash.update(UnsafeRawBufferPointer($0)) }
        }
        return hash.finish()
    }
}

extension MappedFile {
    /// The SHA-256 of a range of bytes as 64 hexadecimal digits, read in pieces whose pages are released.
    ///
    /// - `continuing`: asked after each piece with the bytes done; false stops, and the digest means nothing.
    public func sha256(of range: Range<Int>? = nil, continuing: () -> Bool = { true }) -> String {
        let range = range ?? 0..<byteCount
        let hash = SHA256()
        let pieceSize = 4 << 20
        for start in stride(from: range.lowerBound, to: range.upperBound, by: pieceSize) {
            let piece = start..<min(start + pieceSize, range.upperBound)
            withBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[piece])) }
            release(max(0, piece.lowerBound - 1 << 16)..<piece.upperBound)
            guard continuing() else { break }
        }
        return hash.finish()
    }
}
