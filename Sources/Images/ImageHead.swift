import Files

/// What the head of a file says of its picture.
public struct ImageHead: Hashable, Sendable {
    /// As the picture is stored, in pixels.
    var width: Int
    var height: Int
    /// How it is to be turned, as EXIF numbers it; nil where nothing is said.
    var orientation: Int?
    /// Of a sample, as it is read: 8 or 16.
    var bits = 8
    var hasAlpha = false
}

/// How large a photograph is, told by the head of its file: nothing is decoded for it.
public struct PhotoHead: Hashable, Sendable {
    /// Upright, in pixels.
    public let width: Int
    /// Upright, in pixels.
    public let height: Int
    /// Of a sample, as it is read: 8 or 16.
    public let bits: Int
    public let hasAlpha: Bool

    /// - Throws: an `InputError` where the file is no photograph, or its head is damaged or beyond the limits.
    public init(reading path: String, limits: ReadingLimits = ReadingLimits()) throws {
        let file = try MappedFile(path: path)
        do {
            let head = try file.withBytes { try ImageFormats.codec(for: $0).head($0, limits: limits) }
            let turn = Turn(head.orientation ?? 1, width: head.width, height: head.height)
            (width, height, bits, hasAlpha) = (turn.width, turn.height, head.bits, head.hasAlpha)
        } catch let error as InputError {
            throw error.at(path)
        }
    }

    public init(of photo: Photo) { (width, height, bits, hasAlpha) = (photo.width, photo.height, photo.samples.bits, photo.alpha != nil) }

    /// Without a file: three colours of `bits` bits.
    public init(width: Int, height: Int, bits: Int = 8) { (self.width, self.height, self.bits, hasAlpha) = (width, height, bits, false) }

    /// Bytes of its pixels in memory.
    public var sampleByteCount: Int { width * height * (hasAlpha ? 4 : 3) * bits / 8 }
}
