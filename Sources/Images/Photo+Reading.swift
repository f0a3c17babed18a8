import CPNG
import Files
import Tensors

extension Photo {
    /// Reads a PNG file of any kind: gray, RGB or palette, with or without alpha or a transparent colour, 1 to 16 bits a
    /// sample (16 are rounded to 8), interlaced or not. Gray becomes three equal samples, and is marked by ``isGray``, as is a
    /// palette of grays without a colour profile.
    ///
    /// - Throws: ``InputError`` where the file cannot be read, is not a PNG, is damaged or cut short, or is larger than
    ///   ``maximumDimension`` or ``maximumPixelCount``. Sizes are checked before memory is taken for them.
    public init(readingPNG path: String) throws {
        let file = try MappedFile(path: path)
        do {
            self = try withExtendedLifetime(file) { try Photo(pngBytes: file.bytes) }
        } catch let error as InputError {
            throw error.at(path)
        }
    }

    /// Reads a PNG file that is in memory; see ``init(readingPNG:)``.
    public init(pngBytes bytes: UnsafeRawBufferPointer) throws {
        try ImageFileKind.requirePNG(bytes)
        try Photo.checkDeclaredSize(bytes)
        var message = [CChar](repeating: 0, count: Int(DD_PNG_MESSAGE_SIZE))
        guard
            let reader = dd_png_open(
                bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, UInt32(Photo.maximumDimension),
                UInt64(Photo.maximumPixelCount), &message)
        else { throw Photo.readingError(message) }
        defer { dd_png_close(reader) }

        let (width, height) = (Int(dd_png_width(reader)), Int(dd_png_height(reader)))
        let (count, hasAlpha) = (width * height, dd_png_channels(reader) == 4)
        // An interlaced picture with alpha is in memory twice.
        try AvailableMemory.require(count * (hasAlpha ? 8 : 3), for: "the picture")
        var failed = false
        var alpha: [UInt8] = []
        let pixels = [UInt8](unsafeUninitializedCapacity: count * 3) { rgb, initialized in
            alpha = [UInt8](unsafeUninitializedCapacity: hasAlpha ? count : 0) { alpha, initialized in
                // A failed read leaves some of it unwritten, and then none of it is used.
                failed = dd_png_read_pixels(reader, rgb.baseAddress, alpha.baseAddress, &message) != 0
                initialized = failed || !hasAlpha ? 0 : count
            }
            initialized = failed ? 0 : count * 3
        }
        if failed { throw Photo.readingError(message) }
        var metadata = PhotoMetadata(dd_png_get_metadata(reader))
        metadata.chunks = PNGChunk.carriedOver(from: bytes)
        self.init(
            width: width, height: height, pixels: pixels, alpha: alpha.allSatisfy { $0 == 255 } ? nil : alpha,
            isGray: dd_png_is_gray(reader) != 0, metadata: metadata)
    }

    /// The header always lies at the same place, so that sizes out of range get a message with the numbers in it.
    private static func checkDeclaredSize(_ bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count >= 33, bytes[12..<16].elementsEqual("IHDR".utf8) else {
            throw InputError("the PNG file is damaged or cut short: it does not begin with a header", advice: damagedAdvice)
        }
        let width = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
        let height = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 20, as: UInt32.self))
        guard width > 0, height > 0 else {
            throw InputError(
                "the PNG file is damaged: it declares an image of \(width) x \(height) pixels", advice: damagedAdvice)
        }
        guard max(width, height) <= maximumDimension, Int(width) * Int(height) <= maximumPixelCount else {
            throw InputError(
                "the image is too large: \(width) x \(height) pixels",
                advice: "At most \(maximumDimension) a side and \(maximumPixelCount) in all are accepted; cut or shrink it first.")
        }
    }

    private static func readingError(_ message: [CChar]) -> InputError {
        InputError("the PNG file is damaged: \(text(message))", advice: damagedAdvice)
    }

    static func text(_ message: [CChar]) -> String {
        String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static let damagedAdvice = "Copy or export the picture again."
}
