import CJPEG
import Files

/// JPEG by libjpeg-turbo: baseline and progressive, grey, YCbCr, RGB, CMYK and YCCK.
public struct JPEGCodec: WritableImageCodec {
    public let name = "JPEG"
    public let nameExtensions = ["jpg", "jpeg", "jpe", "jfif"]
    public let largestSide = 65500
    public let hasQuality = true

    public init() {}

    public func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: [0xff, 0xd8, 0xff]) }

    public func head(_ bytes: UnsafeRawBufferPointer, limits: ReadingLimits) throws -> ImageHead {
        let (segments, frame) = try open(bytes, limits)
        return ImageHead(width: frame.width, height: frame.height, orientation: segments.metadata.exif?.orientation)
    }

    private func open(_ bytes: UnsafeRawBufferPointer, _ limits: ReadingLimits) throws -> (JPEGSegments, JPEGSegments.Frame) {
        let segments = JPEGSegments(bytes)
        guard let frame = segments.frame else { throw damaged("it has no picture, or is cut short before it") }
        guard segments.isWhole else { throw damaged("it is cut short") }
        // Progressive files need all coefficients at once.
        let bytesPerPixel = 4 + 4 + (frame.isProgressive ? 2 * frame.components : 0)
        try limits.check(width: frame.width, height: frame.height, bytesPerPixel: bytesPerPixel)
        // Huffman codes have at least a bit for each block of 8 x 8.
        guard frame.isArithmetic || frame.width * frame.height / 512 <= bytes.count else {
            throw damaged("it is too short for the image size that it declares")
        }
        return (segments, frame)
    }

    public func decode(_ bytes: UnsafeRawBufferPointer, limits: ReadingLimits) throws -> DecodedImage {
        let (segments, frame) = try open(bytes, limits)
        guard let decoder = tjInitDecompress() else { throw InputError("libjpeg-turbo cannot be started") }
        defer { tjDestroy(decoder) }
        let file = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
        var (width, height, subsampling, space): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
        guard tjDecompressHeader3(decoder, file, UInt(bytes.count), &width, &height, &subsampling, &space) == 0 else { throw damaged(problem(decoder)) }
        guard Int(width) == frame.width, Int(height) == frame.height else { throw damaged("it declares two sizes") }
        let colors: DecodedImage.Colors
        let format: Int32
        switch space {
        case Int32(TJCS_GRAY.rawValue): (colors, format) = (.gray, Int32(TJPF_GRAY.rawValue))
        case Int32(TJCS_CMYK.rawValue), Int32(TJCS_YCCK.rawValue): (colors, format) = (.cmyk, Int32(TJPF_CMYK.rawValue))
        default: (colors, format) = (.rgb, Int32(TJPF_RGB.rawValue))
        }
        var warnings = segments.warnings
        let count = frame.width * frame.height * colors.rawValue
        var samples = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            buffer.initialize(repeating: 0)
            initialized = count
        }
        let flags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS
        let status = tjDecompress2(decoder, file, UInt(bytes.count), &samples, width, 0, height, format, Int32(flags))
        if status != 0 {
            let text = problem(decoder)
            // What is missing would come out grey, or as noise.
            guard tjGetErrorCode(decoder) == TJERR_WARNING.rawValue, !text.contains("remature end") else { throw damaged(text) }
            warnings.append("it may be damaged: \(text)")
        }
        // Adobe's programs store how much light is left, not how much ink is there.
        if colors == .cmyk, segments.isAdobe { for index in samples.indices { samples[index] = 255 - samples[index] } }
        var image = DecodedImage(width: frame.width, height: frame.height, colors: colors, samples: .eight(samples))
        image.isGray = colors == .gray
        image.metadata = segments.metadata
        image.warnings = warnings
        return image
    }

    private func problem(_ codec: tjhandle) -> String { String(cString: tjGetErrorStr2(codec)) }

    private func damaged(_ what: String) -> InputError { InputError("the JPEG file is damaged or of an unusual kind: \(what)", advice: damagedFileAdvice) }

    public func losses(of photo: Photo) -> [String] {
        let metadata = photo.metadata
        let parts = [
            ("transparency", photo.alpha != nil), ("so long EXIF data", (metadata.exif?.bytes.count ?? 0) > JPEGSegments.exifLimit),
            ("so long XMP", (metadata.xmp?.bytes.count ?? 0) > JPEGSegments.xmpLimit),
            ("so long IPTC data", (metadata.iptc?.count ?? 0) > JPEGSegments.iptcLimit),
        ]
        return parts.filter(\.1).map { "a JPEG file has no room for \($0.0); it is left out" }
    }

    public func encode(_ photo: Photo, options: WritingOptions, to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard let encoder = tjInitCompress() else { throw InputError("libjpeg-turbo cannot be started") }
        defer { tjDestroy(encoder) }
        let (samples, channels) = photo.interleaved(bits: 8, withoutAlpha: true)
        let (format, subsampling) = channels == 1 ? (TJPF_GRAY.rawValue, TJSAMP_GRAY.rawValue) : (TJPF_RGB.rawValue, TJSAMP_444.rawValue)
        var file: UnsafeMutablePointer<UInt8>?
        var size: UInt = 0
        defer { tjFree(file) }
        let status = samples.withUnsafeBytes {
            tjCompress2(
                encoder, $0.baseAddress!.assumingMemoryBound(to: UInt8.self), Int32(photo.width), 0, Int32(photo.height), Int32(format), &file, &size,
                Int32(subsampling), Int32(options.quality), TJFLAG_ACCURATEDCT)
        }
        guard status == 0, let file, size > 20 else { throw InputError("cannot encode the picture: \(problem(encoder))") }
        let bytes = UnsafeRawBufferPointer(start: file, count: Int(size))
        // Metadata stand between the file's head and its tables.
        let head = JPEGSegments.head(of: bytes, density: photo.metadata.density) + JPEGSegments.encoded(photo.metadata)
        try head.withUnsafeBytes(sink)
        try sink(UnsafeRawBufferPointer(rebasing: bytes[JPEGSegments.headSize...]))
    }
}
