import Files
import Foundation
import Images
import Testing

@Suite struct PhotoErrorTests {
    func problem(_ bytes: [UInt8]) -> String {
        do {
            _ = try photo(bytes)
            return "none"
        } catch let error as InputError {
            return error.what
        } catch {
            return "another error"
        }
    }

    @Test func namesOtherFormats() {
        let formats: [(String, [UInt8])] = [
            ("GIF", Array("GIF89a".utf8)), ("BMP", Array("BM".utf8) + [UInt8](repeating: 0, count: 30)), ("JPEG XL", [0xff, 0x0a]),
            ("PDF", Array("%PDF-1.7".utf8)), ("PNM", Array("P6\n1 1 255\n".utf8)), ("Photoshop", Array("8BPS".utf8)),
            ("camera raw", Array("II*\0\u{10}\0\0\0CR\u{2}\0".utf8)),
        ]
        for (name, bytes) in formats { #expect(problem(bytes) == "is a \(name) file, which is not read") }
        #expect(problem(Array("just text".utf8)).contains("no picture of a format that is read"))
        #expect(problem([]) == "the file is empty")
        #expect(problem([0x89, 0x50]).contains("cut short"))
        #expect(problem([0x89, 0x50, 0x4e, 0x47, 0x0a, 0x1a, 0x0a, 0, 0]).contains("transfer"))
    }

    @Test(
        arguments: [
            ("a.JPG", "JPEG"), ("x/b.tif", "TIFF"), ("c.heif", "HEIC"), ("photo.CR3", "camera raw"), ("a.png", "PNG"), ("jpg", nil), ("a.jpg.png", "PNG"),
        ]
            as [(String, String?)])
    func knowsFormatsByTheirNames(_ name: String, _ kind: String?) {
        #expect((ImageFormats.named(name)?.name ?? OtherImageKind(name: name)?.rawValue) == kind)
    }

    /// Each format is told by its bytes, and by no more than one of the codecs.
    @Test func formatsAreToldByTheirBytes() throws {
        let beginnings: [(String, [UInt8])] = [
            ("PNG", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), ("JPEG", [0xff, 0xd8, 0xff, 0xe0]), ("WebP", Array("RIFF....WEBPVP8 ".utf8)),
            ("HEIC", Array("....ftypheic....".utf8)), ("HEIC", Array("....ftypmif1....".utf8)), ("AVIF", Array("....ftypavif....".utf8)),
            ("TIFF", [0x49, 0x49, 0x2a, 0, 8, 0, 0, 0, 0, 0]), ("TIFF", [0x4d, 0x4d, 0, 0x2a, 0, 0, 0, 8]),
        ]
        for (name, bytes) in beginnings {
            bytes.withUnsafeBytes { bytes in #expect(ImageFormats.all.filter { $0.recognizes(bytes) }.map(\.name) == [name]) }
            #expect(problem(bytes).contains(name), "\(name): \(problem(bytes))")
        }
    }

    @Test func refusesDeclaredSizes() {
        func file(_ width: Int, _ height: Int) -> [UInt8] {
            let header = bigEndian(width) + bigEndian(height) + [8, 2, 0, 0, 0]
            let start: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
            return start + HandmadePNG.chunk("IHDR", header) + HandmadePNG.chunk("IDAT", HandmadePNG.zlibStored([0, 1, 2, 3]))
                + HandmadePNG.chunk("IEND", [])
        }
        #expect(problem(file(1 << 20 + 1, 1)).contains("too large: 1048577 x 1"))
        #expect(problem(file(1, 0xffff_ffff)).contains("too large"))
        #expect(problem(file(0x7fff_ffff, 0x7fff_ffff)).contains("too large"))
        #expect(problem(file(20000, 10001)).contains("too large"))
        #expect(problem(file(0, 5)).contains("0 x 5"))
        // Within the limits, but nothing of that size can be in so few bytes.
        #expect(problem(file(16384, 12000)).contains("too short"))
        #expect(problem(file(2, 2)).contains("damaged"))
    }

    /// Every prefix of a file, and thousands of changed ones, are either read or refused.
    @Test func survivesDamage() throws {
        var file = HandmadePNG(
            width: 9, height: 7, colorType: 3, bitDepth: 4, samples: samples(63, below: 16), isInterlaced: true,
            chunks: [("gAMA", bigEndian(45455)), ("PLTE", samples(48, below: 256).map { UInt8($0) }), ("tRNS", [1, 2, 3])])
        file.chunks.append(("pHYs", bigEndian(2835) + bigEndian(2835) + [1]))
        let whole = file.encoded()
        let sound = try photo(whole)
        for count in 0..<whole.count - 4 { #expect(throws: InputError.self) { try photo(Array(whole.prefix(count))) } }
        let places = samples(4000, below: whole.count, seed: 3)
        for (place, byte) in zip(places, samples(4000, below: 256, seed: 4)) {
            var changed = whole
            changed[place] = UInt8(byte)
            _ = problem(changed)
        }
        // The same with the checksums made right again, so that the damage gets further in.
        for (place, byte) in zip(samples(4000, below: 13, seed: 5), samples(4000, below: 256, seed: 6)) {
            var header = Array(whole[16..<29])
            header[place] = UInt8(byte)
            let changed = whole[..<8] + HandmadePNG.chunk("IHDR", header) + whole[33...]
            _ = problem(Array(changed))
        }
        #expect(try photo(whole) == sound)
    }

    @Test func namesTheFile() throws {
        let folder = FileManager.default.temporaryDirectory.path
        for (path, words) in [(folder, "folder"), (folder + "/absent-\(UUID()).png", "No such file")] {
            let error = #expect(throws: InputError.self) { try Photo(reading: path) }
            #expect(error?.location?.hasPrefix(path) == true)
            #expect(error?.what.contains(words) == true)
        }
    }
}
