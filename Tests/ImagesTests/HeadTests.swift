import Files
import Foundation
import Testing

@testable import Images

/// Sizes without decoding: what a head says is what decoding gives.
@Suite struct HeadTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
    private static let files: [String] = ["Fixtures", "../../Tools/fuzz/corpus/images"].flatMap { part in
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(part)")) ?? []).sorted().map { "\(folder)/\(part)/\($0)" }
    }

    @Test func headsSayWhatDecodingGives() throws {
        var kinds: Set<String> = []
        for file in Self.files {
            guard let photo = try? Photo(reading: file) else { continue }
            let head = try PhotoHead(reading: file)
            #expect((head.width, head.height, head.bits) == (photo.width, photo.height, photo.samples.bits), "\(file)")
            #expect(head.hasAlpha || photo.alpha == nil, "\(file)")
            kinds.insert(try ImageFormats.codec(ofFile: file).name)
        }
        #expect(kinds.count == ImageFormats.all.count)
    }

    /// A file whose pixels are gone still has a head.
    @Test func nothingIsDecoded() throws {
        let photo = Photo(width: 300, height: 200, pixels: samples(300 * 200 * 3, below: 256).map { UInt8($0) })
        for codec in [PNGCodec(), JPEGCodec(), WebPCodec()] as [any WritableImageCodec] {
            var bytes = try photo.encoded(as: codec)
            for index in bytes.count / 2..<bytes.count - 40 { bytes[index] = 0 }
            let path = NSTemporaryDirectory() + "head-\(UUID().uuidString)"
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            defer { unlink(path) }
            let head = try PhotoHead(reading: path)
            #expect((head.width, head.height) == (300, 200))
            if codec.name == "PNG" { #expect(throws: InputError.self) { try Photo(reading: path) } }
            #expect(throws: InputError.self) { try PhotoHead(reading: path, limits: ReadingLimits(pixelCount: 59_999)) }
        }
    }
}
