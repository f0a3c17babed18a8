import Foundation

/// Writes a file beside its final place and renames it when all is written, so that no half-written file is ever seen.
public final class AtomicFileWriter {
    public let path: String
    private let temporaryPath: String
    private var descriptor: Int32

    public init(path: String) throws {
        self.path = path
        let folder = (path as NSString).deletingLastPathComponent
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            throw InputError("is a folder, so no file can be written there", at: path)
        }
        if !folder.isEmpty, !FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) || !isFolder.boolValue {
            throw InputError("the folder to write to does not exist", at: folder, advice: "Make it first, or name another.")
        }
        temporaryPath = "\(path).\(getpid()).partial"
        descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw InputError("cannot write there: \(systemErrorMessage())", at: path) }
    }

    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        precondition(descriptor >= 0, "written after the end")
        var rest = bytes
        while !rest.isEmpty {
            let count = Foundation.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
            if count < 0 {
                if errno == EINTR { continue }
                throw failure()
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    public func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    /// Writes over bytes that have been written before.
    public func rewrite(at offset: Int, _ bytes: [UInt8]) throws {
        precondition(descriptor >= 0, "written after the end")
        try bytes.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
                if count < 0, errno != EINTR { throw failure() }
                done += max(count, 0)
            }
        }
    }

    /// Makes the file appear under its own name.
    public func commit() throws {
        precondition(descriptor >= 0, "committed twice")
        // Errors of delayed writes (a full disk, a lost network folder) show here at the latest.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure() }
        let closed = close(descriptor)
        descriptor = -1
        guard closed == 0, rename(temporaryPath, path) == 0 else {
            let error = failure()
            unlink(temporaryPath)
            throw error
        }
    }

    private func failure() -> InputError {
        let code = errno
        return InputError(
            "cannot write the file: \(systemErrorMessage(code))", at: path,
            advice: code == ENOSPC ? "Free some space, or write to another disk. Nothing was left behind." : nil)
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            unlink(temporaryPath)
        }
    }
}
