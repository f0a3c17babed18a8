import Foundation

/// Writes a file that appears under its name only when all of it is written.
///
/// Until then the file has no name at all where the system can do that, so that nothing is left behind whatever ends the program. Elsewhere it is
/// written beside its place under a name that ends in `.partial`, which is removed on errors and on the usual signals.
public final class AtomicFileWriter {
    public let path: String
    private let folder: String
    /// Where the file is until it has its own name; nil while it has none.
    private var partial: PartialFile?
    private var descriptor: Int32

    public convenience init(path: String) throws { try self.init(path: path, canBeUnnamed: true) }

    init(path: String, canBeUnnamed: Bool) throws {
        self.path = path
        let parent = FilePath.folder(of: path)
        folder = parent.isEmpty ? "." : parent
        guard !path.isEmpty else { throw InputError("the path to write to is empty") }
        try AtomicFileWriter.refuseWhatIsNoFile(path)
        if let mode = fileMode(folder) {
            guard mode == S_IFDIR else { throw InputError("is not a folder, so nothing can be written into it", at: folder) }
        } else {
            throw InputError("the folder to write to does not exist", at: folder, advice: "Make it first, or name another.")
        }
        descriptor = canBeUnnamed ? AtomicFileWriter.openUnnamed(folder) : -1
        guard descriptor < 0 else { return }
        let partial = PartialFile(path: "\(path).\(getpid()).partial")
        descriptor = open(partial.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            let message = systemErrorMessage()
            partial.forget()
            throw InputError("cannot write there: \(message)", at: path)
        }
        self.partial = partial
    }

    /// Renaming would replace devices (/dev/null!) as readily as files.
    private static func refuseWhatIsNoFile(_ path: String) throws {
        guard let mode = fileMode(path), mode != S_IFREG else { return }
        throw InputError(mode == S_IFDIR ? "is a folder, so no file can be written there" : "is not a regular file, so it is not replaced", at: path)
    }

    /// A file without a name, or -1 where that is not to be had.
    private static func openUnnamed(_ folder: String) -> Int32 {
        #if os(Linux)
            guard access("/proc/self/fd", X_OK) == 0 else { return -1 }
            let unnamed: Int32 = 0o20_000_000 | O_DIRECTORY  // O_TMPFILE, whose macro Swift cannot see
            return open(folder, unnamed | O_WRONLY | O_CLOEXEC, 0o666)
        #else
            return -1
        #endif
    }

    /// Throws where the disk has not that much space left, rather than when it is full.
    public func requireSpace(_ byteCount: Int) throws {
        var status = statvfs()
        guard fstatvfs(descriptor, &status) == 0, status.f_blocks > 0 else { return }
        let blocks = getuid() == 0 ? status.f_bfree : status.f_bavail
        let (free, overflow) = UInt64(blocks).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        guard overflow || free >= UInt64(byteCount) else {
            throw InputError(
                "needs \(byteCount) bytes, but the disk has only \(free) left", at: path,
                advice: "Free some space, or write to another disk. Nothing was left behind.")
        }
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
        if partial == nil {
            let unnamed = "/proc/self/fd/\(descriptor)"
            if linkat(AT_FDCWD, unnamed, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 { return try close() }
            guard errno == EEXIST else { throw failure() }
            // A link replaces nothing, but a renaming does.
            let partial = PartialFile(path: "\(path).\(getpid()).partial")
            unlink(partial.path)
            guard linkat(AT_FDCWD, unnamed, AT_FDCWD, partial.path, AT_SYMLINK_FOLLOW) == 0 else {
                let error = failure()
                partial.forget()
                throw error
            }
            self.partial = partial
        }
        try close()
        guard rename(partial!.path, path) == 0 else {
            let error = failure()
            removePartial()
            throw error
        }
        partial!.forget()
        partial = nil
    }

    private func close() throws {
        let closed = Foundation.close(descriptor)
        descriptor = -1
        if closed != 0 {
            let error = failure()
            removePartial()
            throw error
        }
    }

    private func removePartial() {
        guard let partial else { return }
        unlink(partial.path)
        partial.forget()
        self.partial = nil
    }

    private func failure() -> InputError {
        let code = errno
        return InputError(
            "cannot write the file: \(systemErrorMessage(code))", at: path,
            advice: code == ENOSPC ? "Free some space, or write to another disk. Nothing was left behind." : nil)
    }

    deinit {
        if descriptor >= 0 { Foundation.close(descriptor) }
        removePartial()
    }
}

/// The kind of file that a path names, following links, or nil where there is none.
private func fileMode(_ path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
}
