import Files
import Foundation
import Testing

@testable import Images

/// The files in `Fixtures`, which `Tools/images/make_fixtures.py` makes with other programs: quarters of red, green, blue and white.
enum Fixture {
    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/\(name)")))
    }

    static let colors: [[UInt8]] = [[200, 30, 30], [30, 160, 40], [40, 50, 190], [240, 240, 240]]

    /// The colours near the four corners.
    static func corners(_ photo: Photo) -> [[UInt8]] {
        [(2, 2), (photo.width - 3, 2), (2, photo.height - 3), (photo.width - 3, photo.height - 3)].map { x, y in
            Array(photo.pixels[(y * photo.width + x) * 3..<(y * photo.width + x) * 3 + 3])
        }
    }

    static func isNear(_ a: [[UInt8]], _ b: [[UInt8]], _ levels: Int) -> Bool { zip(a.joined(), b.joined()).allSatisfy { abs(Int($0) - Int($1)) <= levels } }
}

@Suite struct FormatTests {
    @Test(arguments: ["ink.jpg", "ink.tif", "jpeg.tif"]) func readsWhatLiesUpright(_ name: String) throws {
        let read = try photo(Fixture.bytes(name))
        #expect((read.width, read.height) == (24, 16))
        #expect(Fixture.isNear(Fixture.corners(read), Fixture.colors, 6), "\(Fixture.corners(read))")
    }

    /// A quarter to the right, by a tag of EXIF, or by HEIF's own turning with a tag beside it.
    @Test(arguments: ["progressive.jpg", "quarters.heic", "quarters.avif"]) func turnsWhatLiesOnItsSide(_ name: String) throws {
        let read = try photo(Fixture.bytes(name))
        #expect((read.width, read.height) == (16, 24))
        #expect(Fixture.isNear(Fixture.corners(read), [2, 0, 3, 1].map { Fixture.colors[$0] }, 6), "\(Fixture.corners(read))")
        #expect((read.alpha != nil) == (name == "quarters.avif"))
        if name != "quarters.avif" { #expect(read.metadata.exif?.text(0x9003) == "2024:05:06 07:08:09") }
        #expect([nil, 1].contains(read.metadata.exif?.orientation))
    }

    @Test func readsFax() throws {
        let read = try photo(Fixture.bytes("fax.tif"))
        #expect(read.isGray && Set(read.pixels) == [0, 255])
    }

    /// Every orientation, against one that is worked out pixel by pixel.
    @Test(arguments: 1...8) func turns(_ orientation: Int) {
        let (width, height) = (5, 3)
        let stored = samples(width * height * 3, below: 256).map { UInt8($0) }
        var image = DecodedImage(width: width, height: height, colors: .rgb, samples: .eight(stored))
        image.orientation = orientation
        let upright = Photo(image) { _ in }
        let swaps = orientation >= 5
        #expect((upright.width, upright.height) == (swaps ? height : width, swaps ? width : height))
        for y in 0..<upright.height {
            for x in 0..<upright.width {
                // Where the first row and the first column of the stored picture are seen.
                let fromRight = [2, 3, 6, 7].contains(orientation) ? upright.width - 1 - x : x
                let fromBottom = [3, 4, 7, 8].contains(orientation) ? upright.height - 1 - y : y
                let (column, row) = swaps ? (fromBottom, fromRight) : (fromRight, fromBottom)
                let (place, source) = ((y * upright.width + x) * 3, (row * width + column) * 3)
                #expect(upright.pixels[place..<place + 3].elementsEqual(stored[source..<source + 3]), "\(x), \(y)")
            }
        }
    }

    @Test func takesPremultipliedColorsApart() {
        var image = DecodedImage(width: 3, height: 1, colors: .rgb, samples: .eight([100, 50, 0, 128, 9, 9, 9, 0, 200, 100, 50, 255]))
        image.alpha = .premultiplied
        let read = Photo(image) { _ in }
        #expect(read.pixels == [199, 100, 0, 9, 9, 9, 200, 100, 50] && read.alpha == .eight([128, 0, 255]))
    }

    /// All that is written can be read, with colours, opacity and depth as far as the format has them.
    @Test func readsBackWhatItWrites() throws {
        let (width, height) = (33, 21)
        // Neighbours that are alike, so that little is lost where something must be.
        let ramp = (0..<width * height * 3).map { UInt16($0 / 3 % width * 65535 / (width - 1)) }
        let alpha = samples(width * height, below: 65536, seed: 5).map { UInt16($0) }
        for isGray in [false, true] {
            for (samples, alpha) in [
                (Samples.sixteen(ramp), Samples.sixteen(alpha)), (.eight(Samples.sixteen(ramp).eightBit), .eight(Samples.sixteen(alpha).eightBit)),
            ] {
                let written = Photo(width: width, height: height, samples: samples, alpha: alpha, isGray: isGray)
                for format in ImageFormats.writable {
                    let bytes = try written.encoded(as: format)
                    #expect(try written.encoded(as: format) == bytes)
                    let read = try photo(bytes)
                    #expect((read.width, read.height) == (width, height))
                    #expect(read.isGray == (isGray && format.name != "WebP"))
                    let isDeep = ["PNG", "TIFF"].contains(format.name)
                    if isDeep { #expect(read.samples == samples && read.alpha == alpha) }
                    let tolerance = format.name == "JPEG" ? 6 : 16
                    let worst = zip(read.pixels, samples.eightBit).map { abs(Int($0) - Int($1)) }.max()!
                    #expect(worst <= tolerance, "\(format.name): \(worst)")
                    if format.name == "WebP" { #expect(read.alpha == .eight(alpha.eightBit)) }
                }
                var options = WritingOptions()
                options.quality = 100
                #expect(try photo(written.encoded(as: WebPCodec(), options: options)).pixels == samples.eightBit)
            }
        }
    }

    /// Files that are cut at every place, and thousands that are changed, are read or refused. Those that are cut have no picture.
    @Test(arguments: ["quarters.heic", "quarters.avif", "ink.jpg", "progressive.jpg", "ink.tif", "jpeg.tif", "fax.tif"]) func survivesDamage(_ name: String)
        throws
    {
        let whole = try Fixture.bytes(name)
        var read = 0
        // Metadata may lie behind the picture.
        for count in 0..<whole.count { if (try? photo(Array(whole.prefix(count)))) != nil { read += 1 } }
        #expect(read <= (name.hasSuffix("tif") ? 250 : 8), "\(read) of \(whole.count) cut files were read")
        for (place, byte) in zip(samples(400, below: whole.count, seed: 3), samples(400, below: 256, seed: 4)) {
            var changed = whole
            changed[place] = UInt8(byte)
            _ = PhotoErrorTests().problem(changed)
        }
    }

    @Test func survivesDamageToWebP() throws {
        let pixels = samples(40 * 30 * 3, below: 256).map { UInt8($0) }
        let whole = try Photo(width: 40, height: 30, pixels: pixels).encoded(as: WebPCodec())
        for count in 0..<whole.count { #expect(throws: InputError.self) { try photo(Array(whole.prefix(count))) } }
        for (place, byte) in zip(samples(400, below: whole.count, seed: 3), samples(400, below: 256, seed: 4)) {
            var changed = whole
            changed[place] = UInt8(byte)
            _ = PhotoErrorTests().problem(changed)
        }
    }

    @Test func limitsAreForAllFormats() throws {
        for name in ["quarters.heic", "quarters.avif", "ink.jpg", "ink.tif"] {
            let error = #expect(throws: InputError.self) {
                try Fixture.bytes(name).withUnsafeBytes { try Photo(bytes: $0, limits: ReadingLimits(pixelCount: 383)) }
            }
            #expect(error?.what.contains("too large") == true && error?.advice?.contains("`pixelCount`") == true, "\(name): \(String(describing: error))")
        }
        let wide = Photo(width: 16384, height: 1, pixels: [UInt8](repeating: 0, count: 16384 * 3))
        #expect(throws: InputError.self) { try wide.encoded(as: WebPCodec()) }
        #expect(try photo(wide.encoded(as: JPEGCodec())).width == 16384)
    }
}
