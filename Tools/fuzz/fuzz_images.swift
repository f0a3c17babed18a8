// Reads whatever bytes there are as a photograph, by the whole of `Images`: format, profile, metadata, orientation. What was read is written again, with a record.
//
//   Tools/sanitize.sh 600 photographs
import Foundation
import Images

nonisolated(unsafe) private var tried = 0
nonisolated(unsafe) private var accepted = 0

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    if tried == 0 { atexit { FileHandle.standardError.write(Data("\(tried) tried, \(tried - accepted) refused, \(accepted) read\n".utf8)) } }
    tried += 1
    let bytes = UnsafeRawBufferPointer(start: bytes, count: size)
    guard let photo = try? Photo(bytes: bytes, limits: ReadingLimits(pixelCount: 1 << 16)) else { return 0 }
    accepted += 1
    guard photo.width * photo.height <= 4096 else { return 0 }
    let record = RestorationRecord(program: "fuzz", model: "m", modelDigest: "0", inputDigest: "1", seed: 1, options: "'<&>'")
    let restored = photo.restored(photo.planes())
    let result = restored.withMetadata(restored.metadata.recording(record))
    let formats = ImageFormats.writable
    guard let written = try? result.encoded(as: formats[tried % formats.count]) else { return 0 }
    // What we write, we read.
    _ = written.withUnsafeBytes { try! Photo(bytes: $0) }
    return 0
}
