import Files

/// A format that photographs come in. A new one is a file in `Codecs` and a line in ``ImageFormats/all``.
public protocol ImageCodec: Sendable {
    /// As people call it: "JPEG".
    var name: String { get }
    /// Endings of names, in lower case without the dot; results get the first.
    var nameExtensions: [String] { get }

    /// Whether a file that begins so is one of this format. What the rest of it is like does not matter.
    func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool

    /// Reads a whole file. Sizes are checked against the limits before memory is taken for them.
    ///
    /// - Throws: `InputError` for whatever is wrong with the file, which then says what but not where.
    func decode(_ bytes: UnsafeRawBufferPointer, limits: ReadingLimits) throws -> DecodedImage

    /// What the head of a file says of its picture: nothing is decoded for it.
    ///
    /// - Throws: `InputError` as ``decode(_:limits:)``, as far as the head tells.
    func head(_ bytes: UnsafeRawBufferPointer, limits: ReadingLimits) throws -> ImageHead
}

/// A format that results can be written in.
public protocol WritableImageCodec: ImageCodec {
    /// Longest side.
    var largestSide: Int { get }

    /// Whether ``WritingOptions/quality`` changes what is written.
    var hasQuality: Bool { get }

    /// What of a photo's metadata and opacity it cannot hold, in sentences.
    func losses(of photo: Photo) -> [String]

    /// Hands the encoded file to `sink`, piece by piece. The same photo and options make the same bytes.
    func encode(_ photo: Photo, options: WritingOptions, to sink: (UnsafeRawBufferPointer) throws -> Void) throws
}

/// What a file may declare before it is refused.
public struct ReadingLimits: Hashable, Sendable {
    /// Width times height.
    public var pixelCount: Int

    public init(pixelCount: Int = 200_000_000) { self.pixelCount = pixelCount }

    /// Throws where a picture is larger, or what reading it takes is more than the memory that there is.
    ///
    /// - Parameter bytesPerPixel: in all, while it is read.
    func check(width: Int, height: Int, bytesPerPixel: Int) throws {
        guard width > 0, height > 0 else { throw InputError("it declares an image of \(width) x \(height) pixels", advice: damagedFileAdvice) }
        let (count, overflow) = width.multipliedReportingOverflow(by: height)
        guard !overflow, count <= pixelCount, max(width, height) <= Photo.maximumDimension else {
            throw InputError(
                "the image is too large: \(width) x \(height) pixels",
                advice: "At most \(pixelCount) pixels and \(Photo.maximumDimension) a side are accepted; cut or shrink it first, or see `pixelCount`.")
        }
        try AvailableMemory.require(count * bytesPerPixel, for: "the picture")
    }
}

/// How results are written.
public struct WritingOptions: Hashable, Sendable {
    /// Of JPEG, and of WebP, which is without loss at 100; 1...100.
    public var quality = 95

    public init() {}
}

let damagedFileAdvice = "Copy or export the picture again."

/// The formats that there are.
public enum ImageFormats {
    public static let all: [any ImageCodec] = [PNGCodec(), JPEGCodec(), TIFFCodec(), WebPCodec(), HEIFCodec.heic, HEIFCodec.avif]

    public static var writable: [any WritableImageCodec] { all.compactMap { $0 as? any WritableImageCodec } }

    /// The format that the ending of a name stands for.
    public static func named(_ path: String) -> (any ImageCodec)? { all.first { $0.isNamed(path) } }

    /// The format of a file, told by its bytes.
    ///
    /// - Throws: `InputError` where it is none, with what it seems to be.
    public static func codec(for bytes: UnsafeRawBufferPointer) throws -> any ImageCodec {
        if let codec = all.first(where: { $0.recognizes(bytes) }) { return codec }
        guard !bytes.isEmpty else { throw InputError("the file is empty", advice: damagedFileAdvice) }
        if let kind = OtherImageKind(of: bytes) {
            throw InputError("is a \(kind.rawValue) file, which is not read", advice: "Export it as \(readableNames) first.")
        }
        if PNGCodec.signature.starts(with: bytes) || bytes.dropFirst().starts(with: "PNG".utf8) {
            throw InputError(
                "the PNG file is damaged: its first bytes are cut short or were changed, perhaps by a transfer as text", advice: damagedFileAdvice)
        }
        throw InputError("is no picture of a format that is read, whatever its name says", advice: "Give a picture as \(readableNames).")
    }

    /// Whether a file begins as one of the formats does.
    public static func isPicture(_ path: String) -> Bool {
        guard let file = try? MappedFile(path: path) else { return false }
        return file.withBytes { bytes in all.contains { $0.recognizes(bytes) } }
    }

    /// The format of a file that lies somewhere, told by its bytes.
    public static func codec(ofFile path: String) throws -> any ImageCodec {
        let file = try MappedFile(path: path)
        do { return try file.withBytes(codec(for:)) } catch let error as InputError { throw error.at(path) }
    }

    /// "PNG, JPEG, ... or AVIF".
    public static var readableNames: String { list(all.map(\.name)) }
    public static var writableNames: String { list(writable.map(\.name)) }

    private static func list(_ names: [String]) -> String { names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "") }
}

extension ImageCodec {
    /// Whether a name ends as this format's files do.
    public func isNamed(_ path: String) -> Bool {
        let name = path.lowercased()
        return nameExtensions.contains { name.hasSuffix("." + $0) }
    }

    /// What results of such files are written as: themselves, or JPEG.
    public var resultFormat: any WritableImageCodec { self as? any WritableImageCodec ?? JPEGCodec() }
}

extension WritableImageCodec {
    public var hasQuality: Bool { false }

    public func losses(of photo: Photo) -> [String] { [] }

    /// Throws where a picture of this size cannot be written.
    public func checkSize(width: Int, height: Int) throws {
        guard max(width, height) <= largestSide else {
            throw InputError("\(width) x \(height) pixels are more than a \(name) file holds: \(largestSide) a side", advice: "Write it as PNG or TIFF.")
        }
    }
}
