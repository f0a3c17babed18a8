import Foundation

/// What the system knows of a file.
public struct FileStatus: Sendable {
    public let identity: FileIdentity
    /// `S_IFREG`, `S_IFDIR`, ...
    public let kind: mode_t
    /// Who may read and write it: the lowest nine bits of its mode.
    public let permissions: mode_t
    /// Of a folder: only owners may rename and remove what is in it.
    let isSticky: Bool
    public let owner: uid_t
    public let group: gid_t
    /// Bytes.
    public let size: Int

    /// Nil where there is no such file, or none that can be reached; `errno` says why.
    public init?(_ path: String, followingLinks: Bool = true) {
        var status = stat()
        guard (followingLinks ? stat : lstat)(FilePath.system(path), &status) == 0 else { return nil }
        self.init(status)
    }

    /// Nil where the file is not open.
    public init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        identity = FileIdentity(device: UInt64(status.st_dev), number: UInt64(status.st_ino), below: [])
        kind = status.st_mode & S_IFMT
        permissions = status.st_mode & 0o777
        isSticky = status.st_mode & S_ISVTX != 0
        owner = status.st_uid
        group = status.st_gid
        size = Int(status.st_size)
    }

    /// In words, for what is no regular file.
    var description: String {
        switch kind {
        case S_IFREG: "a regular file"
        case S_IFDIR: "a folder"
        case S_IFIFO: "a pipe"
        case S_IFSOCK: "a socket"
        case S_IFCHR: "a character device"
        case S_IFBLK: "a block device"
        default: "no regular file"
        }
    }
}

/// Which file a path leads to, however it is spelt and whatever links are on the way.
public struct FileIdentity: Hashable, Sendable {
    fileprivate let device: UInt64
    fileprivate let number: UInt64
    /// For what does not exist yet: the path that is missing below an existing folder, by its parts.
    fileprivate let below: [[UInt8]]

    fileprivate init(device: UInt64, number: UInt64, below: [[UInt8]]) {
        self.device = device
        self.number = number
        self.below = below
    }

    /// The file may be missing, and folders on the way to it, too.
    public init(_ path: String) {
        var existing = FilePath.followingLinks(path)
        var missing: [[UInt8]] = []
        while true {
            if let status = FileStatus(existing.isEmpty ? "." : existing) {
                var below: [[UInt8]] = []
                for part in missing.reversed() where !part.isEmpty && part != Array(".".utf8) {
                    if part == Array("..".utf8), !below.isEmpty { below.removeLast() } else { below.append(part) }
                }
                self.init(device: status.identity.device, number: status.identity.number, below: below)
                return
            }
            guard !existing.isEmpty, existing != "/" else {
                self.init(device: 0, number: 0, below: missing.reversed())
                return
            }
            missing.append(FilePath.bytes(FilePath.name(of: existing)))
            existing = FilePath.folder(of: existing)
        }
    }
}

extension FilePath {
    private static let mostLinks = 40

    /// Where the links lead that a path itself is, whether anything is there or not. (Those on the way to it are left to the system.)
    static func followingLinks(_ path: String) -> String {
        var path = path
        for _ in 0..<mostLinks {
            guard let target = linkTarget(path), !target.isEmpty else { break }
            path = target.utf8.first == UInt8(ascii: "/") ? target : join(folder(of: path), target)
        }
        return path
    }

    /// What a link says; nil for what is no link.
    public static func linkTarget(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { readlink(system(path), $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count) }
        return count < 0 ? nil : text(buffer[..<count])
    }

    /// A path from the root, without links; nil where there is nothing, and `errno` says why.
    public static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(system(path), nil) else { return nil }
        defer { free(resolved) }
        return text(resolved)
    }

    /// The names of what a folder holds, in the order of their bytes.
    public static func contents(of folder: String) throws -> [String] {
        guard let stream = opendir(system(folder)) else { throw InputError("cannot list the folder: \(systemErrorMessage())", at: folder) }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw InputError("cannot list the folder: \(systemErrorMessage())", at: folder) }
                break
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != Array(".".utf8), name != Array("..".utf8) { names.append(name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }.map { text($0) }
    }

    /// Makes a folder, and those above it, where they are missing.
    public static func makeFolder(_ path: String) throws {
        guard FileStatus(path)?.kind != S_IFDIR, !path.isEmpty else { return }
        let above = folder(of: path)
        if above != path { try makeFolder(above) }
        guard mkdir(system(path), 0o777) == 0 || errno == EEXIST && FileStatus(path)?.kind == S_IFDIR else {
            throw InputError("cannot make the folder: \(systemErrorMessage())", at: path)
        }
    }
}
