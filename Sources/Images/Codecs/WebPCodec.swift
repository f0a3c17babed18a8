import CWebP
import Files

/// WebP by libwebp, with and without loss. Pictures that move are refused.
public struct WebPCodec: WritableImageCodec {
    public let name = "WebP"
    public let nameExtensions = ["webp"]
    public let largestSide = 16383
    public let hasQuality = true

    public init() {}

    public func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: "RIFF".utf8) && bytes.dropFirst(8).starts(with: "WEBP".utf8) }

    public func head(_ bytes: UnsafeRawBufferPointer, limits: ReadingLimits) throws -> ImageHead {
        let features = try features(bytes, limits)
        return ImageHead(
            width: Int(features.width), height: Int(features.height), orientation: metadata(bytes).exif?.orientation, hasAlpha: features.has_alpha != 0)
    }

    private func features(_ bytes: UnsafeRawBufferPointer, _ limits: ReadingLimits) throws -> WebPBitstreamFeatures {
        var features = WebPBitstreamFeatures()
        guard WebPGetFeatures(bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), bytes.count, &features) == VP8_STATUS_OK else {
            throw damaged("its head cannot be read")
        }
        guard features.has_animation == 0 else { throw InputError("is a WebP file of several pictures that follow each other", advice: "Export one of them.") }
        // Without loss it is decoded into pixels of 4 bytes first.
        try limits.check(width: Int(features.width), height: Int(features.height), bytesPerPixel: (features.has_alpha != 0 ? 4 : 3) + 4 + 4)
        return features
    }

    private func metadata(_ bytes: UnsafeRawBufferPointer) -> PhotoMetadata {
        var metadata = PhotoMetadata()
        for (type, contents) in WebPChunks(bytes) {
            switch type {
            case "ICCP": metadata.colorProfile = .init(name: "ICC profile", bytes: Array(contents))
            case "EXIF": metadata.exif = EXIFData(contents)
            case "XMP ": metadata.xmp = XMPPacket(contents)
            default: break
            }
        }
        return metadata
    }

    public func decode(_ bytes: UnsafeRawBufferPointer, limits: ReadingLimits) throws -> DecodedImage {
        let file = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
        let features = try features(bytes, limits)
        let (width, height, hasAlpha) = (Int(features.width), Int(features.height), features.has_alpha != 0)
        let channels = hasAlpha ? 4 : 3
        let samples = try Samples.make(bits: 8, count: width * height * channels) { buffer in
            let target = buffer.baseAddress!.assumingMemoryBound(to: UInt8.self)
            let decode = hasAlpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto
            guard decode(file, bytes.count, target, buffer.count, Int32(width * channels)) != nil else { throw damaged("its pixels cannot be read") }
        }
        var image = DecodedImage(width: width, height: height, colors: .rgb, samples: samples)
        image.alpha = hasAlpha ? .straight : .none
        image.metadata = metadata(bytes)
        return image
    }

    private func damaged(_ what: String) -> InputError { InputError("the WebP file is damaged: \(what)", advice: damagedFileAdvice) }

    public func losses(of photo: Photo) -> [String] {
        photo.metadata.iptc == nil ? [] : ["a WebP file has no room for IPTC data; it is left out"]
    }

    public func encode(_ photo: Photo, options: WritingOptions, to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        var (config, picture, writer) = (WebPConfig(), WebPPicture(), WebPMemoryWriter())
        guard WebPConfigInit(&config) != 0, WebPPictureInit(&picture) != 0 else { throw InputError("libwebp is of another version than it was built with") }
        config.quality = Float(options.quality)
        // Colours are kept where nothing of them is seen, too.
        config.exact = 1
        if options.quality == 100 {
            (config.lossless, config.quality) = (1, 75)
            picture.use_argb = 1
        } else {
            config.use_sharp_yuv = 1
        }
        let (samples, channels) = photo.interleaved(bits: 8, grayAsColor: true)
        (picture.width, picture.height) = (Int32(photo.width), Int32(photo.height))
        WebPMemoryWriterInit(&writer)
        defer {
            WebPPictureFree(&picture)
            WebPMemoryWriterClear(&writer)
        }
        let isEncoded = withUnsafeMutablePointer(to: &writer) { writer in
            picture.writer = WebPMemoryWrite
            picture.custom_ptr = UnsafeMutableRawPointer(writer)
            return samples.withUnsafeBytes { samples in
                let pixels = samples.baseAddress!.assumingMemoryBound(to: UInt8.self)
                let load = channels == 4 ? WebPPictureImportRGBA : WebPPictureImportRGB
                return load(&picture, pixels, Int32(photo.width * channels)) != 0 && WebPEncode(&config, &picture) != 0
            }
        }
        guard isEncoded else { throw InputError("cannot encode the picture: libwebp's error \(picture.error_code.rawValue)") }
        let plain = UnsafeRawBufferPointer(start: writer.mem, count: writer.size)
        try WebPChunks.encoded(plain, photo).withUnsafeBytes(sink)
    }
}

/// The chunks of a WebP file: their types and contents.
struct WebPChunks: Sequence, IteratorProtocol {
    private let bytes: UnsafeRawBufferPointer
    private var place = 12

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func next() -> (type: String, contents: UnsafeRawBufferPointer)? {
        guard place + 8 <= bytes.count else { return nil }
        let size = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place + 4, as: UInt32.self)))
        guard size <= bytes.count - place - 8 else { return nil }
        let start = place + 8
        defer { place = start + size + size % 2 }
        return (String(decoding: bytes[place..<place + 4], as: UTF8.self), UnsafeRawBufferPointer(rebasing: bytes[start..<start + size]))
    }

    /// An encoded file with the photo's profile and metadata: the extended form of the format, where there are any.
    static func encoded(_ plain: UnsafeRawBufferPointer, _ photo: Photo) -> [UInt8] {
        let (profile, exif, xmp) = (photo.metadata.colorProfile?.bytes, photo.metadata.exif?.bytes, photo.metadata.xmp?.bytes)
        guard profile != nil || exif != nil || xmp != nil else { return Array(plain) }
        func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 255) } }
        func chunk(_ type: String, _ contents: some Collection<UInt8>) -> [UInt8] {
            Array(type.utf8) + little(contents.count, 4) + contents + (contents.count.isMultiple(of: 2) ? [] : [0])
        }
        let flags = (profile == nil ? 0 : 0x20) | (photo.alpha == nil ? 0 : 0x10) | (exif == nil ? 0 : 0x08) | (xmp == nil ? 0 : 0x04)
        var body = chunk("VP8X", little(flags, 4) + little(photo.width - 1, 3) + little(photo.height - 1, 3))
        if let profile { body += chunk("ICCP", profile) }
        for (type, contents) in WebPChunks(plain) where type != "VP8X" { body += chunk(type, contents) }
        if let exif { body += chunk("EXIF", exif) }
        if let xmp { body += chunk("XMP ", xmp) }
        return Array("RIFF".utf8) + little(body.count + 4, 4) + Array("WEBP".utf8) + body
    }
}
