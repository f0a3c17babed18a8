import Files
import Foundation

/// All that comes out of a stream, in a file without a name that is gone with the last who has it open, whatever ends the program.
public final class StreamedFile: Sendable {
    /// By which the file is opened while this lives.
    public let path: String
    private let descriptor: Int32

    /// Reads to the stream's end.
    ///
    /// - Parameters:
    ///   - stream: an open file's descriptor.
    ///   - name: what people call it: "standard input".
    public init(_ stream: Int32, name: String, byteLimit: Int = 4 << 30) throws {
        let folder = getenv("TMPDIR").map { FilePath.text($0) } ?? "/tmp"
        var template = FilePath.system(FilePath.join(folder, "deblurdiff-XXXXXX"))
        descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw InputError("cannot make a file in the folder: \(systemErrorMessage())", at: folder) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        unlink(template)
        path = "/proc/self/fd/\(descriptor)"
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var total = 0
        while true {
            let count = read(stream, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw InputError("cannot be read: \(systemErrorMessage())", at: name) }
            if count == 0 { break }
            total += count
            guard total <= byteLimit else { throw InputError("has more than \(byteLimit >> 20) MB", at: name) }
            var done = 0
            while done < count {
                let written = write(descriptor, buffer.baseAddress! + done, count - done)
                if written < 0, errno != EINTR {
                    throw InputError("cannot be kept: \(systemErrorMessage())", at: name, advice: "TMPDIR names another folder for it.")
                }
                done += max(written, 0)
            }
        }
        guard total > 0 else { throw InputError("is empty", at: name) }
    }

    deinit { close(descriptor) }
}

extension InputError {
    /// By what people call the file.
    func renaming(_ path: String, to name: String) -> InputError {
        InputError(what, at: location?.replacing(path, with: name), advice: advice)
    }
}
