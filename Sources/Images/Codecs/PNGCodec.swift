import CPNG
import Files

/// PNG of every kind, by libpng: grey, RGB or palette, with or without alpha or a transparent colour, 1 to 16 bits a sample, interlaced or not.
public struct PNGCodec: WritableImageCodec {
    public let name = "PNG"
    public let nameExtensions = ["png"]
    public let largestSide = Int(Int32.max)

    static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

    public init() {}

    public func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: PNGCodec.signature) }

    public func head(_ bytes: UnsafeRawBufferPointer, limits: ReadingLimits) throws -> ImageHead {
        try open(bytes, limits) { reader in
            ImageHead(
                width: Int(dd_png_width(reader)), height: Int(dd_png_height(reader)), orientation: metadata(reader, bytes).exif?.orientation,
                bits: Int(dd_png_bits(reader)), hasAlpha: Int(dd_png_channels(reader)).isMultiple(of: 2))
        }
    }

    /// - Parameter body: reads from what was opened, which is closed behind it.
    private func open<Result>(_ bytes: UnsafeRawBufferPointer, _ limits: ReadingLimits, _ body: (OpaquePointer) throws -> Result) throws -> Result {
        try checkDeclaredSize(bytes, limits)
        var message = [CChar](repeating: 0, count: Int(DD_PNG_MESSAGE_SIZE))
        guard
            let reader = dd_png_open(
                bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, UInt32(Photo.maximumDimension), UInt64(limits.pixelCount), &message)
        else { throw damaged(message) }
        defer { dd_png_close(reader) }
        let sampleCount = Int(dd_png_channels(reader)) + 4
        try limits.check(
            width: Int(dd_png_width(reader)), height: Int(dd_png_height(reader)), bytesPerPixel: sampleCount * Int(dd_png_bits(reader)) / 8)
        return try body(reader)
    }

    private func metadata(_ reader: OpaquePointer, _ bytes: UnsafeRawBufferPointer) -> PhotoMetadata {
        var metadata = PhotoMetadata(dd_png_get_metadata(reader))
        metadata.takeChunks(PNGChunk.carriedOver(from: bytes))
        return metadata
    }

    public func decode(_ bytes: UnsafeRawBufferPointer, limits: ReadingLimits) throws -> DecodedImage {
        try open(bytes, limits) { reader in
            let (width, height, channels) = (Int(dd_png_width(reader)), Int(dd_png_height(reader)), Int(dd_png_channels(reader)))
            var message = [CChar](repeating: 0, count: Int(DD_PNG_MESSAGE_SIZE))
            let samples = try Samples.make(bits: Int(dd_png_bits(reader)), count: width * height * channels) {
                if dd_png_read_pixels(reader, $0.baseAddress, &message) != 0 { throw damaged(message) }
            }
            var image = DecodedImage(width: width, height: height, colors: channels < 3 ? .gray : .rgb, samples: samples)
            image.alpha = channels.isMultiple(of: 2) ? .straight : .none
            image.isGray = dd_png_is_gray(reader) != 0
            image.metadata = metadata(reader, bytes)
            return image
        }
    }

    /// The header always lies at the same place, so that sizes out of range get a message with the numbers in it.
    private func checkDeclaredSize(_ bytes: UnsafeRawBufferPointer, _ limits: ReadingLimits) throws {
        guard bytes.count >= 33, bytes[12..<16].elementsEqual("IHDR".utf8) else {
            throw InputError("the PNG file is damaged or cut short: it does not begin with a header", advice: damagedFileAdvice)
        }
        let width = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
        let height = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 20, as: UInt32.self))
        try limits.check(width: Int(width), height: Int(height), bytesPerPixel: 0)
    }

    private func damaged(_ message: [CChar]) -> InputError {
        InputError("the PNG file is damaged: \(text(ofC: message))", advice: damagedFileAdvice)
    }

    public func encode(_ photo: Photo, options: WritingOptions, to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        var message = [CChar](repeating: 0, count: Int(DD_PNG_MESSAGE_SIZE))
        let (samples, channels) = photo.interleaved(bits: photo.samples.bits)
        try withoutActuallyEscaping(sink) { sink in
            let target = Sink(sink)
            // libpng's jumps start and land in C; the callback has always returned before.
            let status = photo.metadata.withCMetadata { metadata in
                samples.withUnsafeBytes { samples in
                    dd_png_write(
                        UInt32(photo.width), UInt32(photo.height), Int32(channels), Int32(photo.samples.bits), samples.baseAddress, metadata,
                        { context, bytes, size in
                            let sink = Unmanaged<Sink>.fromOpaque(context!).takeUnretainedValue()
                            return sink.receive(UnsafeRawBufferPointer(start: bytes, count: size))
                        },
                        Unmanaged.passUnretained(target).toOpaque(), &message)
                }
            }
            if let error = target.error { throw error }
            if status != 0 { throw InputError("cannot encode the picture: \(text(ofC: message))") }
        }
    }
}

/// Carries a Swift closure, and the error that it may throw, through C.
final class Sink {
    private let write: (UnsafeRawBufferPointer) throws -> Void
    private(set) var error: (any Error)?

    init(_ write: @escaping (UnsafeRawBufferPointer) throws -> Void) { self.write = write }

    func receive(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        do {
            try write(bytes)
            return 0
        } catch {
            self.error = error
            return 1
        }
    }
}
