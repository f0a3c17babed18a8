import CZlib
import Files
import Foundation
import Tensors

extension Tokenizer {
    /// The decompressed vocabulary file is 3.2 MB.
    static let largestVocabulary = 16 << 20

    /// Reads a vocabulary file, `bpe_simple_vocab_16e6.txt` or the same compressed with gzip, and checks it.
    ///
    /// - Returns: the text of the lines that are used, as ``init(mergesText:mergeCount:)`` takes it.
    /// - Throws: `InputError` where the file cannot be read, is damaged, too large, or is not that vocabulary.
    public static func readMerges(_ path: String, mergeCount: Int = Tokenizer.mergeCount) throws -> String {
        let file = try MappedFile(path: path)
        do {
            let bytes = try file.withBytes { $0.starts(with: [0x1f, 0x8b]) ? try decompress($0) : try copy($0) }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw InputError("the vocabulary is not UTF-8 text", advice: Vocabulary.advice)
            }
            _ = try Tokenizer(mergesText: text, mergeCount: mergeCount)
            let lines = Vocabulary.lines(of: text, count: mergeCount + 1)
            return lines.map { String(Substring($0)) + "\n" }.joined()
        } catch let error as InputError {
            throw error.at(path)
        }
    }

    private static func copy(_ bytes: UnsafeRawBufferPointer) throws -> [UInt8] {
        guard bytes.count <= largestVocabulary else { throw tooLarge() }
        return Array(bytes)
    }

    private static func tooLarge() -> InputError {
        InputError("is too large for a vocabulary: more than \(largestVocabulary >> 20) MB of text", advice: Vocabulary.advice)
    }

    private static func decompress(_ bytes: UnsafeRawBufferPointer) throws -> [UInt8] {
        guard bytes.count <= largestVocabulary else { throw tooLarge() }
        var stream = z_stream()
        let gzipOnly: Int32 = 16
        let started = inflateInit2_(&stream, MAX_WBITS + gzipOnly, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard started == Z_OK else { throw InputError("zlib cannot be started") }
        defer { inflateEnd(&stream) }
        stream.next_in = UnsafeMutablePointer(mutating: bytes.assumingMemoryBound(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(bytes.count)
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let (status, count) = chunk.withUnsafeMutableBufferPointer { chunk in
                stream.next_out = chunk.baseAddress
                stream.avail_out = UInt32(chunk.count)
                let status = inflate(&stream, Z_NO_FLUSH)
                return (status, chunk.count - Int(stream.avail_out))
            }
            output += chunk[..<count]
            if output.count > largestVocabulary { throw tooLarge() }
            if status == Z_STREAM_END { return output }
            // No progress with output room left means that the input has run out.
            guard status == Z_OK, count > 0 else {
                throw InputError(
                    status == Z_OK || status == Z_BUF_ERROR ? "the gzip file is cut short" : "the gzip file is damaged",
                    advice: "Copy or download it again.")
            }
        }
    }
}
