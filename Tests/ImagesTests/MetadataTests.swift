import Files
import Foundation
import Testing

@testable import Images

@Suite struct MetadataTests {
    /// Big-endian, with a field of each kind that matters, a maker's note, and a thumbnail at the end.
    private func exif(orientation: Int = 6) -> [UInt8] {
        var editor = TIFFEditor(Array("MM".utf8) + [0, 42, 0, 0, 0, 0])!
        let inner = editor.append([.text(0x9003, "2024:05:06 07:08:09"), .bytes(0x927c, Array("a note".utf8)), .long(0xa002, 4000), .short(0xa003, 3000)])
        let place = editor.append([.text(1, "N"), .fraction(2, 48.1)])
        editor.set([.short(0x112, orientation), .text(0x8298, "me"), .long(0x8769, inner), .long(0x8825, place)])
        let picture: [UInt8] = [0xff, 0xd8] + [UInt8](repeating: 7, count: 400)
        let start = editor.bytes.count + editor.bytes.count % 2
        // Two fields and the next offset.
        let second = editor.append([.long(0x201, start + 30), .long(0x202, picture.count)])
        let first = editor.read(\.first)!
        editor.put(UInt32(second), at: first.range.upperBound - 4)
        return editor.bytes + picture
    }

    @Test func describesTheUprightPicture() throws {
        let before = exif()
        var data = try #require(EXIFData(before))
        #expect(data.orientation == 6 && data.hasPosition && data.text(0x8298) == "me")
        data.describe(width: 70000, height: 20)
        #expect(data.orientation == 1 && data.text(0x9003) == "2024:05:06 07:08:09")
        data.bytes.withUnsafeBytes { bytes in
            let fields = TIFFFields(bytes)!
            let inner = fields.directory(0x8769, of: fields.first!)!
            #expect(fields.number(inner[0xa002]!) == 70000 && fields.number(inner[0xa003]!) == 20)
            #expect(fields.first!.next == 0)
            #expect(bytes[inner[0x927c]!.range].elementsEqual("a note".utf8))
        }
        // The thumbnail is gone, and nothing but the numbers has changed.
        #expect(data.bytes.count < before.count - 400)
        #expect(zip(data.bytes, before).count { $0 != $1 } <= 12)
    }

    @Test func namesTheProgram() throws {
        for original in [exif(), EXIFData(software: "another").bytes] {
            var data = try #require(EXIFData(original))
            data.setSoftware("deblurdiff 9")
            #expect(data.text(0x131) == "deblurdiff 9")
            // What was there stays where it was.
            #expect(data.bytes.count > original.count && data.bytes[8..<original.count].count { _ in true } == original.count - 8)
            let changed = zip(data.bytes, original).count { $0 != $1 }
            #expect(changed <= 12)
            data.setSoftware("x")
            #expect(data.text(0x131) == "x")
        }
    }

    /// Offsets that lead anywhere, directories that lead to each other, counts beyond measure: any bytes are read or not, and what is read can be changed.
    @Test func survivesLies() {
        let whole = exif()
        func tryOut(_ bytes: [UInt8]) {
            guard var data = EXIFData(bytes) else { return }
            _ = (data.orientation, data.hasPosition, data.text(0x131))
            data.describe(width: 10, height: 20)
            data.setSoftware("deblurdiff")
            #expect(data.text(0x131) == "deblurdiff")
            var file = TIFFEditor()
            data.add(to: &file)
            _ = bytes.withUnsafeBytes { TIFFFields($0).flatMap { EXIFData(of: $0) } }
        }
        for count in 0..<whole.count { tryOut(Array(whole.prefix(count))) }
        for (place, byte) in zip(samples(20000, below: 200, seed: 7), samples(20000, below: 256, seed: 8)) {
            var changed = whole
            changed[place] = UInt8(byte)
            tryOut(changed)
        }
    }

    @Test func everyFormatCarriesMetadata() throws {
        var metadata = PhotoMetadata()
        metadata.exif = EXIFData(exif(orientation: 1))
        metadata.xmp = XMPPacket(packet.utf8)
        metadata.iptc = Array("\u{1c}\u{2}\u{50}\0\u{2}me".utf8)
        metadata.density = .init(perInch: 300, 300)
        metadata.colorProfile = PhotoMetadata.ColorProfile(primaries: 12, transfer: 13)
        metadata.describe(width: 16, height: 8)
        let source = Photo(width: 16, height: 8, pixels: [UInt8](repeating: 90, count: 16 * 8 * 3), metadata: metadata)
        for format in ImageFormats.writable {
            let read = try photo(source.encoded(as: format)).metadata
            #expect(read.exif?.text(0x8298) == "me" && read.exif?.text(0x9003) == "2024:05:06 07:08:09" && read.exif?.hasPosition == true, "\(format.name)")
            #expect(read.xmp == metadata.xmp, "\(format.name)")
            #expect(read.colorProfile?.bytes == metadata.colorProfile?.bytes, "\(format.name)")
            #expect(
                format.name == "WebP" || read.iptc == metadata.iptc && read.density == metadata.density, "\(format.name): \(String(describing: read.density))")
            let bare = try photo(source.withMetadata(metadata.stripped).encoded(as: format)).metadata
            #expect(bare.exif == nil && bare.xmp == nil && bare.iptc == nil && bare.colorProfile?.bytes == metadata.colorProfile?.bytes, "\(format.name)")
        }
    }

    private let packet = """
        <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" tiff:Orientation = '8'
        exif:PixelXDimension="4000"><tiff:ImageWidth>4000</tiff:ImageWidth><xmp:Thumbnails><x/></xmp:Thumbnails><dc:title>tiff:Orientation</dc:title></rdf:Description>
        </rdf:RDF></x:xmpmeta>
        """

    @Test func packetsAreChangedInPlace() throws {
        var xmp = try #require(XMPPacket(packet.utf8))
        xmp.describe(width: 16, height: 8)
        let expected = packet.replacingOccurrences(of: "'8'", with: "'1'").replacingOccurrences(of: "4000", with: "16")
            .replacingOccurrences(of: "<xmp:Thumbnails><x/></xmp:Thumbnails>", with: "")
        #expect(xmp.text == expected)
        #expect(XMPPacket("no packet".utf8) == nil && XMPPacket([0xff, 0xfe, 0x3c]) == nil)
    }

    @Test func recordsComeBack() throws {
        let record = RestorationRecord(
            program: "deblurdiff 1", model: "a & b.safetensors", modelDigest: "ab", inputDigest: "1", seed: .max, options: "--pos-prompt 'a <\"b\"> c\n'")
        for start in [
            PhotoMetadata(),
            {
                var m = PhotoMetadata(); m.xmp = XMPPacket(packet.utf8); return m
            }(),
        ] {
            let once = start.recording(record)
            #expect(RestorationRecord(in: try #require(once.xmp)) == record)
            #expect(once.exif?.text(0x131) == "deblurdiff 1")
            // The last one counts, and takes the place of the one before.
            var other = record
            other.seed = 5
            let twice = once.recording(other)
            #expect(RestorationRecord(in: try #require(twice.xmp)) == other)
            #expect(twice.xmp?.text.ranges(of: "deblurdiff:Seed").count == 1)
        }
    }

    /// A segment holds 64 kB; a picture is not lost for what does not fit.
    @Test func whatIsTooLongForASegment() throws {
        var metadata = PhotoMetadata()
        var editor = TIFFEditor()
        editor.set([.text(0x8298, "me"), .bytes(0x927c, [UInt8](repeating: 1, count: 65450))])
        metadata.exif = EXIFData(editor.bytes)
        let record = RestorationRecord(program: String(repeating: "p", count: 100), model: "", modelDigest: "", inputDigest: "1", seed: 1, options: "")
        let source = Photo(width: 1, height: 1, pixels: [1, 2, 3], metadata: metadata.recording(record))
        // The program's name does not push out what was there.
        #expect(try photo(source.encoded(as: JPEGCodec())).metadata.exif?.text(0x8298) == "me")
        metadata.iptc = [UInt8](repeating: 0, count: 70000)
        #expect(JPEGCodec().losses(of: source.withMetadata(metadata)).count == 1)
        #expect(try photo(source.withMetadata(metadata).encoded(as: JPEGCodec())).metadata.iptc == nil)
        #expect(WebPCodec().losses(of: source.withMetadata(metadata)).count == 1 && PNGCodec().losses(of: source.withMetadata(metadata)).isEmpty)
    }
}
