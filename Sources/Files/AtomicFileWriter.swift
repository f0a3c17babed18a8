import Foundation

/// Writes a file that appears under its name only when all of it is written.
///
/// Until then the file has no name at all where the system can do that, so that nothing is left behind whatever ends the program. Elsewhere it is
/// written beside its place under a name that ends in `.partial`, which is removed on errors and on the usual signals.
///
/// A link is followed, and the file that it leads to replaced, or made. A file that replaces another takes over its mode, and owner and group where that is
/// permitted. What goes to an open file (`/dev/stdout`) or a character device is sent there at the end, from a temporary file. Nothing else is written to.
public final class AtomicFileWriter {
    public let path: String
    private let target: OutputTarget
    /// Where the file is until it has its own name; nil while it has none.
    private var partial: PartialFile?
    private var descriptor: Int32 = -1

    /// The path of the file itself, with links followed; nil where it is written into something else than a regular file.
    public var place: String? { if case .file(let place, _) = target { place } else { nil } }

    public convenience init(path: String) throws { try self.init(path: path, canBeUnnamed: true) }

    init(path: String, canBeUnnamed: Bool) throws {
        self.path = path
        target = try OutputTarget(path)
        let folder: String
        var permissions: mode_t = 0o666
        switch target {
        case .file(let place, let replaced):
            folder = OutputTarget.folder(of: place)
            if let replaced { permissions &= replaced.permissions }
        case .open, .device:
            folder = getenv("TMPDIR").map { FilePath.text($0) } ?? "/tmp"
            permissions = 0o600
        }
        if canBeUnnamed { descriptor = AtomicFileWriter.openUnnamed(folder, permissions) }
        for _ in 0..<100 where descriptor < 0 {
            let partial = PartialFile(in: folder)
            descriptor = open(FilePath.system(partial.path), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
            if descriptor >= 0 {
                self.partial = partial
            } else {
                let code = errno
                partial.forget()
                guard code == EEXIST else { throw InputError("cannot make a file in the folder: \(systemErrorMessage(code))", at: folder) }
            }
        }
        guard descriptor >= 0 else { throw InputError("cannot make a file in the folder: all names are taken", at: folder) }
    }

    /// A file without a name, or -1 where that is not to be had.
    private static func openUnnamed(_ folder: String, _ permissions: mode_t) -> Int32 {
        #if os(Linux)
            guard access("/proc/self/fd", X_OK) == 0 else { return -1 }
            let unnamed: Int32 = 0o20_000_000 | O_DIRECTORY  // O_TMPFILE, whose macro Swift cannot see
            return open(FilePath.system(folder), unnamed | O_RDWR | O_CLOEXEC, permissions)
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
        try write(bytes, to: descriptor)
    }

    public func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    private func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = Foundation.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
            if count < 0 {
                switch errno {
                case EINTR: continue
                case EAGAIN:  // somebody else set the open file so
                    var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&wait, 1, -1)
                    continue
                default: throw failure()
                }
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

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
        switch target {
        case .file(let place, let replaced): try commit(at: place, replacing: replaced)
        case .open(let target): try send(to: target)
        case .device(let place):
            let device = open(FilePath.system(place), O_WRONLY | O_CLOEXEC | O_NOCTTY)
            guard device >= 0 else { throw failure() }
            defer { Foundation.close(device) }
            try send(to: device)
        }
    }

    private func commit(at place: String, replacing replaced: FileStatus?) throws {
        if let replaced {
            // What is not permitted stays ours.
            if fchown(descriptor, replaced.owner, replaced.group) != 0 { _ = fchown(descriptor, uid_t.max, replaced.group) }
            _ = fchmod(descriptor, replaced.permissions)
        }
        // Errors of delayed writes (a full disk, a lost network folder) show here at the latest.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure() }
        if partial == nil {
            let unnamed = "/proc/self/fd/\(descriptor)"
            if linkat(AT_FDCWD, unnamed, AT_FDCWD, FilePath.system(place), AT_SYMLINK_FOLLOW) == 0 { return try close() }
            guard errno == EEXIST else { throw failure() }
            // A link replaces nothing, but a renaming does.
            let partial = PartialFile(in: OutputTarget.folder(of: place))
            guard linkat(AT_FDCWD, unnamed, AT_FDCWD, FilePath.system(partial.path), AT_SYMLINK_FOLLOW) == 0 else {
                let error = failure()
                partial.forget()
                throw error
            }
            self.partial = partial
        }
        try close()
        // Renaming would replace whatever has come there meanwhile.
        guard [nil, S_IFREG].contains(FileStatus(place, followingLinks: false)?.kind) else {
            removePartial()
            throw InputError("is no regular file any more, so it is not replaced", at: path)
        }
        guard rename(FilePath.system(partial!.path), FilePath.system(place)) == 0 else {
            let error = failure()
            removePartial()
            throw error
        }
        partial!.forget()
        partial = nil
    }

    /// Copies what was written to another open file.
    private func send(to target: Int32) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var offset = 0
        while true {
            let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure() }
            if count == 0 { break }
            try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: target)
            offset += count
        }
        removePartial()
        try close()
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
        unlink(FilePath.system(partial.path))
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
