import CPNG
import Files
import Tensors

extension Photo {
    /// Writes an 8-bit PNG file, gray or RGB, with or without alpha, with the metadata. It is written beside its place and renamed, so that no
    /// half-written file is seen; the same photo always makes the same bytes.
    ///
    /// - Throws: ``InputError`` where the file cannot be written.
    public func writePNG(_ path: String) throws {
        let writer = try AtomicFileWriter(path: path)
        do {
            try encodePNG { try writer.write($0) }
        } catch let error as InputError {
            throw error.location == nil ? error.at(path) : error
        }
        try writer.commit()
    }

    /// The bytes that ``writePNG(_:)`` writes.
    public func pngBytes() throws -> [UInt8] {
        var bytes: [UInt8] = []
        try encodePNG { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Hands the encoded file to `sink`, piece by piece.
    func encodePNG(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        var message = [CChar](repeating: 0, count: Int(DD_PNG_MESSAGE_SIZE))
        try withoutActuallyEscaping(sink) { sink in
            let target = Sink(sink)
            // libpng's jumps start and land in C; the callback has always returned before.
            let status = metadata.withCMetadata { metadata in
                dd_png_write(
                    UInt32(width), UInt32(height), isGray ? 1 : 3, isGray ? grayLevels : pixels, alpha, metadata,
                    { context, bytes, size in
                        let sink = Unmanaged<Sink>.fromOpaque(context!).takeUnretainedValue()
                        return sink.receive(UnsafeRawBufferPointer(start: bytes, count: size))
                    },
                    Unmanaged.passUnretained(target).toOpaque(), &message)
            }
            if let error = target.error { throw error }
            if status != 0 { throw InputError("cannot encode the picture: \(Photo.text(message))") }
        }
    }
}

/// Carries a Swift closure, and the error that it may throw, through C.
private final class Sink {
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
