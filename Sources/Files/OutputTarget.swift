import Foundation

/// Where what is written under a path goes.
enum OutputTarget {
    /// Into a file of this path, which is no link; a regular file may be there.
    case file(path: String, replacing: FileStatus?)
    /// Into a file that is open: `/dev/stdout`, `/dev/fd/3`.
    case open(descriptor: Int32)
    /// Into a character device, `/dev/null`.
    case device(path: String)

    /// - Throws: an ``InputError`` where nothing can be written there, as far as can be known without doing it.
    init(_ path: String) throws {
        guard !path.isEmpty else { throw InputError("the path to write to is empty") }
        if let descriptor = OutputTarget.openDescriptor(path) {
            let flags = fcntl(descriptor, F_GETFL)
            guard flags >= 0, flags & O_ACCMODE != O_RDONLY else { throw InputError("is not open for writing", at: path) }
            self = .open(descriptor: descriptor)
            return
        }
        let place = FilePath.followingLinks(path)
        let status = FileStatus(place, followingLinks: false)
        guard let status else {
            guard errno == ENOENT || errno == ENOTDIR else { throw InputError("cannot be written: \(systemErrorMessage())", at: path) }
            guard place.utf8.last != UInt8(ascii: "/") else { throw InputError("is the name of a folder; name a file to write", at: path) }
            try OutputTarget.checkFolder(of: place)
            self = .file(path: place, replacing: nil)
            return
        }
        switch status.kind {
        case S_IFREG:
            guard access(FilePath.system(place), W_OK) == 0 else { throw InputError("cannot be replaced: \(systemErrorMessage())", at: path) }
            try OutputTarget.checkFolder(of: place, replacing: status)
            self = .file(path: place, replacing: status)
        case S_IFCHR:
            guard access(FilePath.system(place), W_OK) == 0 else { throw InputError("cannot be written: \(systemErrorMessage())", at: path) }
            self = .device(path: place)
        case S_IFDIR: throw InputError("is a folder; name a file to write", at: path)
        case S_IFLNK: throw InputError("is a link that leads to itself", at: path)
        default: throw InputError("is \(status.description), and nothing is written there", at: path, advice: "Name a file, or /dev/stdout.")
        }
    }

    /// The folder that the file lies in.
    static func folder(of place: String) -> String {
        let folder = FilePath.folder(of: place)
        return folder.isEmpty ? "." : folder
    }

    private static func checkFolder(of place: String, replacing file: FileStatus? = nil) throws {
        let folder = folder(of: place)
        guard let status = FileStatus(folder) else {
            guard errno == ENOENT else { throw InputError("cannot write into the folder: \(systemErrorMessage())", at: folder) }
            throw InputError("the folder to write to does not exist", at: folder, advice: "Make it first, or name another.")
        }
        guard status.kind == S_IFDIR else { throw InputError("is not a folder, so nothing can be written into it", at: folder) }
        guard access(FilePath.system(folder), W_OK | X_OK) == 0 else {
            throw InputError("cannot write into the folder: \(systemErrorMessage())", at: folder)
        }
        // In folders like /tmp others may write, but not rename.
        if let file, status.isSticky, ![0, file.owner, status.owner].contains(geteuid()) {
            throw InputError("cannot be replaced: it belongs to somebody else, in a folder where only owners replace files", at: place)
        }
    }

    /// The number of an open file of this process that a path names, whatever links are on the way: `/dev/stdout` leads to `/proc/self/fd/1`.
    private static func openDescriptor(_ path: String) -> Int32? {
        var path = path
        for _ in 0..<40 {
            if let number = Int32(FilePath.name(of: path)), let folder = FilePath.resolved(OutputTarget.folder(of: path)),
                folder == "/proc/\(getpid())/fd"
            {
                return number
            }
            guard let target = FilePath.linkTarget(path), !target.isEmpty else { return nil }
            path = target.utf8.first == UInt8(ascii: "/") ? target : FilePath.join(FilePath.folder(of: path), target)
        }
        return nil
    }
}
