import Files
import Foundation
import Testing

@testable import Images

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
        #expect(try Photo(reading: path) == written)
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
        metadata.exif = EXIFData(Array("II".utf8) + [0x2a, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
        let source = Photo(width: 1, height: 1, pixels: [1, 2, 3], metadata: metadata)
        let written = try Data(source.pngBytes())
        let read = try photo(Array(written))
        #expect(read.metadata == metadata)
        let (exif, image) = (written.range(of: Data("eXIf".utf8)), written.range(of: Data("IDAT".utf8)))
        #expect(try #require(exif).lowerBound < #require(image).lowerBound)
        #expect(try photo(read.withPixels([4, 5, 6]).pngBytes()).metadata == metadata)
    }

    @Test func carriesColorProfilesOver() throws {
        var metadata = PhotoMetadata()
        metadata.colorProfile = PhotoMetadata.ColorProfile(primaries: 12, transfer: 13)
        let read = try photo(Photo(width: 1, height: 1, pixels: [1, 2, 3], metadata: metadata).pngBytes())
        #expect(read.metadata.colorProfile == metadata.colorProfile)
    }

    /// A profile goes with the samples that it is for, and is left out where it is for others, or is none.
    @Test func profilesThatCannotBeUsedAreLeftOut() throws {
        for (type, samples, space) in [(0, [7], "RGB "), (0, [7], "GRAY"), (2, [7, 8, 9], "GRAY"), (2, [7, 8, 9], "RGB ")] as [(UInt8, [Int], String)] {
            var file = HandmadePNG(width: 1, height: 1, colorType: type, bitDepth: 8, samples: samples)
            file.chunks = [("iCCP", Array("profile".utf8) + [0, 0] + HandmadePNG.zlibStored(profile(space: space)))]
            var warnings: [String] = []
            let read = try file.encoded().withUnsafeBytes { try Photo(bytes: $0) { warnings.append($0) } }
            #expect(read.metadata.colorProfile == nil && read.pixels == (type == 0 ? [7, 7, 7] : [7, 8, 9]))
            // libpng leaves some of them out without a word.
            #expect(warnings.allSatisfy { $0.contains("colour profile is ignored") } && (warnings.count == 1 || space != (type == 0 ? "GRAY" : "RGB ")))
        }
    }

    /// The colour type of a PNG file: 0 gray, 2 RGB, 4 gray and alpha, 6 RGBA.
    private func colorType(_ file: [UInt8]) -> UInt8 { file[25] }

    @Test func graysComeBackGray() throws {
        let values = samples(24, below: 65536)
        for (type, depth, count) in [(0, 1, 12), (0, 8, 12), (0, 16, 12), (4, 8, 24), (4, 16, 24)] as [(UInt8, Int, Int)] {
            let file = HandmadePNG(
                width: 4, height: 3, colorType: type, bitDepth: depth, samples: values.prefix(count).map { $0 >> (16 - depth) })
            let read = try photo(file.encoded())
            #expect(read.isGray)
            #expect(colorType(try read.pngBytes()) == type)
            #expect(try photo(read.pngBytes()) == read)
            // What restoring makes of it has other colours.
            let levels: [UInt8] = [1, 2, 11, 12, 21, 22, 31, 32, 41, 42, 251, 252]
            var pixels: [UInt8] = []
            for level in levels { pixels += [level - 1, level, level.isMultiple(of: 2) ? level + 2 : level + 1] }
            let restored = read.withPixels(pixels)
            #expect(restored.grayLevels == .eight(levels))
            let back = try photo(restored.pngBytes())
            #expect(back.pixels == levels.flatMap { [$0, $0, $0] } && back.alpha?.eightBit == read.alpha?.eightBit && back.isGray)
        }
        #expect(Photo(width: 2, height: 1, pixels: [255, 255, 255, 0, 0, 0]).grayLevels == .eight([255, 0]))
        #expect(colorType(try picture(alpha: false).pngBytes()) == 2)
        #expect(colorType(try picture(alpha: true).pngBytes()) == 6)
    }

    @Test func palettesOfGraysAreGray() throws {
        let grays: [UInt8] = [0, 0, 0, 9, 9, 9, 200, 200, 200]
        for (colors, isProfiled, isGray) in [(grays, false, true), (grays, true, false), (Array(grays.dropLast()) + [201], false, false)] {
            var file = HandmadePNG(width: 3, height: 1, colorType: 3, bitDepth: 8, samples: [2, 0, 1])
            if isProfiled { file.chunks = [("iCCP", Array("profile".utf8) + [0, 0] + HandmadePNG.zlibStored(profile(space: "RGB ")))] }
            file.chunks += [("PLTE", colors), ("tRNS", [255, 128])]
            let read = try photo(file.encoded())
            #expect(read.isGray == isGray && read.alpha == .eight([255, 255, 128]))
            #expect(colorType(try read.pngBytes()) == (isGray ? 4 : 6))
            #expect(try photo(read.pngBytes()) == read)
        }
    }

    private let xmp = Array(
        "XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta xmlns:x='adobe:ns:meta/'><r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'></r:RDF></x:xmpmeta>".utf8)

    @Test func carriesTextsOver() throws {
        let iptc =
            Array("Raw profile type iptc\0\0".utf8)
            + HandmadePNG.zlibStored(
                Array("\niptc\n      20\n".utf8) + Array("3842494d04040000\n000000071c020500024142\n00".utf8))
        let first: [(String, [UInt8])] = [
            ("iTXt", xmp), ("tEXt", Array("Author\0Bj\u{f6}rn".unicodeScalars.map { UInt8($0.value) })), ("cICP", [12, 13, 0, 1]),
        ]
        let last: [(String, [UInt8])] = [("zTXt", iptc), ("tEXt", Array("Copyright\0CC0".utf8)), ("tEXt", Array("Comment\0".utf8))]
        for type in [0, 2] as [UInt8] {
            let values = type == 0 ? [1] : [1, 2, 3]
            let file = HandmadePNG(width: 1, height: 1, colorType: type, bitDepth: 8, samples: values, chunks: first, lastChunks: last)
            let read = try photo(file.encoded())
            #expect(read.metadata.chunks == [first[1], first[2], last[1], last[2]].map { PNGChunk(type: $0.0, bytes: $0.1) })
            #expect(read.metadata.xmp?.text.hasPrefix("<x:xmpmeta") == true && read.metadata.iptc == [0x1c, 2, 5, 0, 2, 0x41, 0x42])
            // All in front of the image, where every reader looks for them, and right for the library that checks what it reads.
            let written = try read.withPixels([4, 4, 4]).pngBytes()
            #expect(try photo(written).metadata == read.metadata)
            let places = try ["IHDR", "iTXt", "zTXt", "cICP", "IDAT"].map { name in try #require(Data(written).range(of: Data(name.utf8))).lowerBound }
            #expect(places == places.sorted())
        }
    }

    @Test func leavesUnsoundTextsOut() throws {
        var file = HandmadePNG(width: 1, height: 1, colorType: 2, bitDepth: 8, samples: [1, 2, 3])
        file.chunks = [
            ("tEXt", []), ("tEXt", [0, 65]), ("tEXt", Array("no end".utf8)), ("tEXt", [UInt8](repeating: 65, count: 80) + [0]), ("zTXt", Array("k\0".utf8)),
            ("zTXt", Array("k\0\u{1}x".utf8)), ("iTXt", Array("k\0\0\0".utf8)), ("iTXt", Array("k\0\u{2}\0\0\0text".utf8)),
            ("iTXt", Array("k\0\0\0en text".utf8)), ("cICP", [1, 2, 3]), ("tIME", [7, 207, 1, 1, 0, 0, 0]), ("prVt", [1]),
        ]
        #expect(try photo(file.encoded()).metadata == PhotoMetadata())
        file.chunks = [("tEXt", Array("Author\0x".utf8))]
        #expect(try photo(file.encoded()).metadata.chunks.count == 1)
        // With a wrong checksum.
        var bytes = file.encoded()
        let place = try #require(Data(bytes).range(of: Data("Author".utf8))).lowerBound
        bytes[place] ^= 1
        #expect(try photo(bytes).metadata == PhotoMetadata())
    }

    /// Texts are never unpacked, and there is an end to how much of them is kept.
    @Test func textsAreBounded() throws {
        var file = HandmadePNG(width: 1, height: 1, colorType: 2, bitDepth: 8, samples: [1, 2, 3])
        func count(_ byteLimit: Int, _ countLimit: Int) -> Int {
            file.encoded().withUnsafeBytes { PNGChunk.carriedOver(from: $0, byteLimit: byteLimit, countLimit: countLimit).count }
        }
        let text = Array("Comment\0".utf8) + [UInt8](repeating: 65, count: 992)
        file.chunks = [("tEXt", text), ("tEXt", text), ("tEXt", text), ("tEXt", Array("Author\0x".utf8))]
        #expect(count(10000, 10) == 4 && count(3000, 10) == 3 && count(2999, 10) == 2 && count(10000, 3) == 3)
        // A length that leads out of the file.
        var bytes = file.encoded()
        bytes.replaceSubrange(33..<37, with: [0x7f, 0xff, 0xff, 0xff])
        #expect(throws: InputError.self) { try photo(bytes) }
    }

    @Test func survivesSenselessMetadata() throws {
        var metadata = PhotoMetadata()
        metadata.srgbIntent = 99
        metadata.gamma = -5
        metadata.chromaticities = [0, 0, 0, 0, 0, 0, 0, 0]
        metadata.colorProfile = .init(name: "", bytes: [1, 2, 3])
        metadata.exif = EXIFData([0])
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
