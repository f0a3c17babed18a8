import Files

extension Photo {
    /// Writes the photo, with its metadata. The file is written beside its place and renamed, so that no half-written file is seen; the same photo and options always make the
    /// same bytes.
    ///
    /// - Throws: `InputError` where the file cannot be written, or the picture is too large for the format.
    public func write(_ path: String, as codec: any WritableImageCodec, options: WritingOptions = WritingOptions()) throws {
        let writer = try AtomicFileWriter(path: path)
        do {
            try codec.checkSize(width: width, height: height)
            try codec.encode(self, options: options) { try writer.write($0) }
        } catch let error as InputError {
            throw error.location == nil ? error.at(path) : error
        }
        try writer.commit()
    }

    /// The bytes that ``write(_:as:options:)`` writes.
    public func encoded(as codec: any WritableImageCodec, options: WritingOptions = WritingOptions()) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try codec.checkSize(width: width, height: height)
        try codec.encode(self, options: options) { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Writes a PNG file.
    public func writePNG(_ path: String) throws { try write(path, as: PNGCodec()) }
}
