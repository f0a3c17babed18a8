import Files
import Foundation

/// Where a server keeps its files: all under names of its own.
///
///     DATA/jobs.sqlite      the jobs
///     DATA/lock             held by the server that uses the folder
///     DATA/unfinished/      states of restorations that were interrupted
///     DATA/jobs/ID/         input, thumbnail.jpg, result.EXT, guidance-STEP.jpg, blur-map.png
struct JobFiles: Sendable {
    let data: String

    var database: String { FilePath.join(data, "jobs.sqlite") }
    var unfinished: String { FilePath.join(data, "unfinished") }
    private var jobs: String { FilePath.join(data, "jobs") }

    func folder(_ id: String) -> String { FilePath.join(jobs, id) }
    func input(_ id: String) -> String { FilePath.join(folder(id), "input") }
    func thumbnail(_ id: String) -> String { FilePath.join(folder(id), "thumbnail.jpg") }
    func result(_ id: String, named name: String) -> String { FilePath.join(folder(id), name) }

    /// Steps whose guidance was drawn.
    func guidance(_ id: String) -> [Int] {
        let names = Set((try? FilePath.contents(of: folder(id))) ?? [])
        return names.compactMap { name in name.wholeMatch(of: /guidance-([0-9]+)\.jpg/).flatMap { Int($0.1) } }.sorted()
    }

    /// Makes the folders, for their owner alone.
    func prepare() throws {
        try FilePath.makeFolder(data)
        for folder in [jobs, unfinished] {
            try FilePath.makeFolder(folder)
            guard chmod(FilePath.system(folder), 0o700) == 0 else { throw InputError("cannot be closed to others: \(systemErrorMessage())", at: folder) }
        }
    }

    /// Makes the folder of a new job.
    func make(_ id: String) throws {
        guard mkdir(FilePath.system(folder(id)), 0o700) == 0 else { throw InputError("cannot make the folder: \(systemErrorMessage())", at: folder(id)) }
    }

    /// Has the names in a job's folder, and its own, written to the disk.
    func sync(_ id: String) throws {
        for folder in [folder(id), jobs] {
            let descriptor = open(FilePath.system(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard descriptor >= 0 else { throw InputError("cannot be opened: \(systemErrorMessage())", at: folder) }
            defer { close(descriptor) }
            // Some file systems cannot, and need not.
            guard fsync(descriptor) == 0 || errno == EINVAL else { throw InputError("cannot be written: \(systemErrorMessage())", at: folder) }
        }
    }

    func remove(_ id: String) { try? FileManager.default.removeItem(atPath: folder(id)) }

    /// The jobs that there are folders of.
    func ids() throws -> [String] { try FilePath.contents(of: jobs) }

    /// Bytes of a job's files.
    func byteCount(_ id: String) -> Int {
        ((try? FilePath.contents(of: folder(id))) ?? []).reduce(0) { $0 + (FileStatus(FilePath.join(folder(id), $1))?.size ?? 0) }
    }

    /// Takes the folder for this process, until that ends.
    ///
    /// - Throws: an `InputError` where another server has it.
    func lock() throws -> FolderLock { try FolderLock(FilePath.join(data, "lock")) }

    /// 130 random bits, in letters and digits that nobody mixes up.
    static func newID() -> String {
        var random = SystemRandomNumberGenerator()
        let letters = Array("0123456789abcdefghjkmnpqrstvwxyz")
        return String((0..<26).map { _ in letters[Int(random.next(upperBound: UInt(32)))] })
    }
}

/// A file that one process at a time can hold.
final class FolderLock: Sendable {
    private let descriptor: Locked<Int32?>

    fileprivate init(_ path: String) throws {
        let file = open(FilePath.system(path), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw InputError("cannot be opened: \(systemErrorMessage())", at: path) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            close(file)
            throw InputError("another server uses this folder", at: FilePath.folder(of: path), advice: "End it first, or name another folder with --data.")
        }
        descriptor = Locked(file)
    }

    func release() {
        descriptor.withLock { descriptor in
            if let file = descriptor { close(file) }
            descriptor = nil
        }
    }

    deinit { release() }
}
