import Foundation
import Photos
import Tensors
import Testing

/// Each test has its own folder, removed at its end.
@Suite final class PhotoWritingTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("photos-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func picture(alpha: Bool) -> Photo {
        let (width, height) = (37, 21)
        return Photo(
            width: width, height: height, pixels: samples(width * height * 3, below: 256).map { UInt8($0) },
            alpha: alpha ? samples(width * height, below: 256).map { UInt8($0) } : nil)
    }

    @Test(arguments: [false, true]) func readsBackWhatItWrites(alpha: Bool) throws {
        let path = folder.appendingPathComponent("a.png").path
        let written = picture(alpha: alpha)
        try written.writePNG(path)
        #expect(try Photo(readingPNG: path) == written)
        #expect(try Array(Data(contentsOf: URL(fileURLWithPath: path))) == written.pngBytes())
        #expect(try written.pngBytes() == picture(alpha: alpha).pngBytes())
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.png"])
    }

    @Test func carriesMetadataOver() throws {
        var metadata = PhotoMetadata()
        metadata.srgbIntent = 1
        metadata.gamma = 45455
        metadata.chromaticities = [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000]
        metadata.density = .init(x: 2835, y: 1417, unit: .metre)
        metadata.exif = Array("II".utf8) + [0x2a, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]
        let source = Photo(width: 1, height: 1, pixels: [1, 2, 3], metadata: metadata)
        let read = try photo(source.pngBytes())
        #expect(read.metadata == metadata)
        #expect(try photo(read.withPixels([4, 5, 6]).pngBytes()).metadata == metadata)
    }

    @Test func carriesColorProfilesOver() throws {
        var metadata = PhotoMetadata()
        metadata.colorProfile = .init(name: "Test RGB", bytes: profile(space: "RGB "))
        let read = try photo(Photo(width: 1, height: 1, pixels: [1, 2, 3], metadata: metadata).pngBytes())
        #expect(read.metadata.colorProfile == metadata.colorProfile)
    }

    /// What is written is RGB, for which a profile for gray is wrong.
    @Test func dropsGrayProfiles() throws {
        var file = HandmadePNG(width: 1, height: 1, colorType: 0, bitDepth: 8, samples: [7])
        file.chunks = [("iCCP", Array("gray".utf8) + [0, 0] + HandmadePNG.zlibStored(profile(space: "GRAY")))]
        #expect(try photo(file.encoded()).metadata == PhotoMetadata())
        // The chunk itself is sound: with the other kind of profile, in a file of colours, it is read.
        file = HandmadePNG(width: 1, height: 1, colorType: 2, bitDepth: 8, samples: [7, 8, 9])
        file.chunks = [("iCCP", Array("color".utf8) + [0, 0] + HandmadePNG.zlibStored(profile(space: "RGB ")))]
        #expect(try photo(file.encoded()).metadata.colorProfile?.name == "color")
    }

    @Test func survivesSenselessMetadata() throws {
        var metadata = PhotoMetadata()
        metadata.srgbIntent = 99
        metadata.gamma = -5
        metadata.chromaticities = [0, 0, 0, 0, 0, 0, 0, 0]
        metadata.colorProfile = .init(name: "", bytes: [1, 2, 3])
        metadata.exif = [0]
        let read = try photo(Photo(width: 1, height: 1, pixels: [1, 2, 3], metadata: metadata).pngBytes())
        #expect(read.pixels == [1, 2, 3])
    }

    @Test func saysWhyItCannotWrite() throws {
        let source = picture(alpha: false)
        for path in [folder.path, folder.path + "/absent/a.png", "/proc/a.png"] {
            let error = #expect(throws: InputError.self) { try source.writePNG(path) }
            #expect(error?.location != nil)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    /// An ICC profile of a header and one tag with a text. libpng takes profiles that are compressed to less than the header's
    /// length for broken ones, so that the text must be hard to compress.
    private func profile(space: String) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 352)
        func put(_ values: [UInt8], at offset: Int) { bytes.replaceSubrange(offset..<offset + values.count, with: values) }
        put(bigEndian(bytes.count), at: 0)
        put([4, 0x20, 0, 0], at: 8)
        put(Array("mntr\(space)XYZ ".utf8), at: 12)
        put(Array("acsp".utf8), at: 36)
        put([0, 0, 0xf6, 0xd6, 0, 1, 0, 0, 0, 0, 0xd3, 0x2d], at: 68)
        put(bigEndian(1) + Array("cprt".utf8) + bigEndian(144) + bigEndian(208), at: 128)
        put(Array("text".utf8) + bigEndian(0) + samples(199, below: 95).map { UInt8(0x20 + $0) }, at: 144)
        return bytes
    }
}

@Suite struct PhotoComparisonTests {
    private func photo(_ pixels: [UInt8]) -> Photo { Photo(width: 2, height: 1, pixels: pixels) }

    @Test func comparesSamples() {
        let comparison = PhotoComparison(photo([0, 10, 20, 30, 40, 50]), photo([0, 11, 18, 30, 43, 255]))
        #expect(comparison.largestDifference == 205)
        #expect(comparison.share(within: 0) == 2.0 / 6)
        #expect(comparison.share(within: 1) == 3.0 / 6)
        #expect(comparison.share(within: 255) == 1)
        let error = Double(1 + 4 + 9 + 205 * 205) / 6
        #expect(comparison.meanSquaredError == error)
        #expect(abs(comparison.psnr - 10 * log10(65025 / error)) < 1e-12)
    }

    @Test func equalPhotosAreInfinitelyClose() {
        let same = PhotoComparison(photo([1, 2, 3, 4, 5, 6]), photo([1, 2, 3, 4, 5, 6]))
        #expect(same.psnr == .infinity && same.share(within: 0) == 1 && same.largestDifference == 0)
    }
}
