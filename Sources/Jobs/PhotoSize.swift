import Images

/// How large a photograph is, upright, in pixels.
public struct PhotoSize: Hashable, Sendable {
    public var width: Int
    public var height: Int

    /// - Throws: an ``InputError`` where the file is no photograph or cannot be read.
    public init(reading path: String, limits: ReadingLimits) throws {
        let photo = try Photo(reading: path, limits: limits)
        (width, height) = (photo.width, photo.height)
    }
}
