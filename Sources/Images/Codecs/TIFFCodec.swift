import CTIFF
import Files

/// TIFF of 1 to 16 bits a sample by libtiff, in strips or tiles, with the compressions that libtiff has; the first picture of a file.
public struct TIFFCodec: WritableImageCodec {
    public let name = "TIFF"
    public let nameExtensions = ["tif", "tiff"]
    public let largestSide = Int(Int32.max)

    private enum Tag {
        static let xResolution: UInt16 = 282
        static let yResolution: UInt16 = 283
        static let resolutionUnit: UInt16 = 296
        static let xmp: UInt16 = 700
        static let iptc: UInt16 = 33723
        static let profile: UInt16 = 34675
        static let dngVersion: UInt16 = 50706
    }

    public init() {}

    public func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // Canon's raw files are told from TIFF by two letters.
        let isRaw = bytes.count >= 10 && bytes[8] == UInt8(ascii: "C") && bytes[9] == UInt8(ascii: "R")
        return TIFFFields(bytes) != nil && !isRaw
    }

    /// A file's first directory, and libtiff reading its picture.
    private struct Opened {
        var fields: TIFFFields
        var first: TIFFFields.Directory
        var info: dd_tiff_info
        var reader: OpaquePointer
        var colors: DecodedImage.Colors
        var channels: Int

        var orientation: Int { first[EXIFData.Tag.orientation].flatMap(fields.number).flatMap { (1...8).contains($0) ? $0 : nil } ?? 1 }
    }

    public func head(_ bytes: UnsafeRawBufferPointer, limits: ReadingLimits) throws -> ImageHead {
        try open(bytes, limits) { file in
            ImageHead(
                width: Int(file.info.width), height: Int(file.info.height), orientation: file.orientation, bits: Int(file.info.bits),
                hasAlpha: file.info.alpha != DD_TIFF_OPAQUE)
        }
    }

    /// - Parameter body: reads from what was opened, which is closed behind it.
    private func open<Result>(_ bytes: UnsafeRawBufferPointer, _ limits: ReadingLimits, _ body: (Opened) throws -> Result) throws -> Result {
        guard let fields = TIFFFields(bytes), let first = fields.first else { throw damaged("its first directory cannot be read") }
        var message = [CChar](repeating: 0, count: Int(DD_TIFF_MESSAGE_SIZE))
        var info = dd_tiff_info()
        if let width = first[256].flatMap(fields.number), let height = first[257].flatMap(fields.number) {
            try limits.check(width: width, height: height, bytesPerPixel: 0)
        }
        guard let reader = dd_tiff_open(bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, UInt64(limits.pixelCount), &info, &message)
        else { throw damaged(text(ofC: message)) }
        defer { dd_tiff_close(reader) }
        guard info.is_reduced == 0, first[Tag.dngVersion] == nil else {
            throw InputError("is a camera raw file, which is not read", advice: "Develop it, and export it as TIFF.")
        }
        let (width, height) = (Int(info.width), Int(info.height))
        let colors = DecodedImage.Colors(rawValue: Int(info.color))!
        let channels = colors.rawValue + (info.alpha == DD_TIFF_OPAQUE ? 0 : 1)
        try limits.check(width: width, height: height, bytesPerPixel: (channels + 4) * Int(info.bits) / 8)
        try AvailableMemory.require(dd_tiff_working_bytes(reader) + width * height * channels * Int(info.bits) / 8, for: "the picture")
        return try body(Opened(fields: fields, first: first, info: info, reader: reader, colors: colors, channels: channels))
    }

    public func decode(_ bytes: UnsafeRawBufferPointer, limits: ReadingLimits) throws -> DecodedImage {
        try open(bytes, limits) { file in
            var message = [CChar](repeating: 0, count: Int(DD_TIFF_MESSAGE_SIZE))
            let (width, height) = (Int(file.info.width), Int(file.info.height))
            let samples = try Samples.make(bits: Int(file.info.bits), count: width * height * file.channels) {
                if dd_tiff_read_pixels(file.reader, $0.baseAddress, &message) != 0 { throw damaged(text(ofC: message)) }
            }
            var image = DecodedImage(width: width, height: height, colors: file.colors, samples: samples)
            switch Int(file.info.alpha) {
            case DD_TIFF_ALPHA: image.alpha = .straight
            case DD_TIFF_PREMULTIPLIED: image.alpha = .premultiplied
            default: break
            }
            image.isGray = file.colors == .gray
            image.orientation = file.orientation
            image.metadata = metadata(file.fields, file.first)
            if file.info.has_more != 0 { image.warnings.append("it holds several pictures, of which the first is read") }
            return image
        }
    }

    private func metadata(_ fields: TIFFFields, _ first: TIFFFields.Directory) -> PhotoMetadata {
        var metadata = PhotoMetadata()
        func bytes(_ tag: UInt16) -> UnsafeRawBufferPointer? { first[tag].map { UnsafeRawBufferPointer(rebasing: fields.bytes[$0.range]) } }
        metadata.exif = EXIFData(of: fields)
        metadata.xmp = bytes(Tag.xmp).flatMap { XMPPacket($0) }
        // By mistake of an early program it is often stored as long numbers, which are as they are in their byte order.
        if let entry = first[Tag.iptc], entry.range.count <= 1 << 20, !entry.range.isEmpty { metadata.iptc = fields.field(entry).bytes }
        if let profile = bytes(Tag.profile), profile.count <= 16 << 20 { metadata.colorProfile = .init(name: "ICC profile", bytes: Array(profile)) }
        if let x = first[Tag.xResolution].flatMap(fields.fraction), let y = first[Tag.yResolution].flatMap(fields.fraction) {
            switch first[Tag.resolutionUnit].flatMap(fields.number) ?? 2 {
            case 2: metadata.density = .init(perInch: x, y)
            case 3: metadata.density = .init(perInch: x * 2.54, y * 2.54)
            default: break
            }
        }
        return metadata
    }

    private func damaged(_ what: String) -> InputError { InputError("the TIFF file is damaged or of an unusual kind: \(what)", advice: damagedFileAdvice) }

    public func encode(_ photo: Photo, options: WritingOptions, to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        var message = [CChar](repeating: 0, count: Int(DD_TIFF_MESSAGE_SIZE))
        let (samples, channels) = photo.interleaved(bits: photo.samples.bits)
        var size = 0
        let file = samples.withUnsafeBytes {
            dd_tiff_write(UInt32(photo.width), UInt32(photo.height), Int32(channels), Int32(photo.samples.bits), $0.baseAddress, &size, &message)
        }
        guard let file else { throw InputError("cannot encode the picture: \(text(ofC: message))") }
        var bytes = Array(UnsafeRawBufferPointer(start: file, count: size))
        dd_tiff_free(file)
        add(photo.metadata, to: &bytes)
        guard bytes.count <= UInt32.max else { throw InputError("the picture is too large for a TIFF file: \(bytes.count) bytes", advice: "Write it as PNG.") }
        try bytes.withUnsafeBytes(sink)
    }

    /// A TIFF file's metadata are fields of its first directory, which goes to the file's end with them.
    private func add(_ metadata: PhotoMetadata, to file: inout [UInt8]) {
        guard var editor = TIFFEditor(file) else { return }
        file = []
        metadata.exif?.add(to: &editor)
        var fields: [TIFFField] = []
        if let xmp = metadata.xmp { fields.append(TIFFField(tag: Tag.xmp, type: 1, count: xmp.bytes.count, bytes: xmp.bytes)) }
        if let iptc = metadata.iptc { fields.append(.bytes(Tag.iptc, iptc)) }
        if let profile = metadata.colorProfile { fields.append(.bytes(Tag.profile, profile.bytes)) }
        if let (x, y) = metadata.density?.perInch { fields += [.fraction(Tag.xResolution, x), .fraction(Tag.yResolution, y), .short(Tag.resolutionUnit, 2)] }
        if !fields.isEmpty { editor.set(fields) }
        file = editor.bytes
    }
}
