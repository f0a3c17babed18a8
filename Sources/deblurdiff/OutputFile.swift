import Foundation
import Tensors

/// What is checked of an output before any work is done for it.
enum OutputFile {
    /// Throws where a file cannot be written, or would replace one that the command reads.
    static func check(_ path: String, reads inputs: [String]) throws {
        guard !path.isEmpty else { throw InputError("the path to write to is empty") }
        let file = FileIdentity(path)
        if let file {
            if file.kind == S_IFDIR { throw InputError("is a folder; name a file to write", at: path) }
            if file.kind != S_IFREG { throw InputError("is not a regular file, so it is not replaced", at: path) }
            if let input = inputs.first(where: { FileIdentity($0) == file }) {
                let what = input == path ? "it is also read" : "it is the same file as \(input), which is read"
                throw InputError("would be replaced, but \(what)", at: path, advice: "Name another --output.")
            }
        }
        let parent = FilePath.folder(of: path)
        try checkFolder(parent.isEmpty ? "." : parent)
    }

    /// Throws where no file can be made in a folder.
    static func checkFolder(_ folder: String) throws {
        guard let identity = FileIdentity(folder) else {
            throw InputError("the folder to write to does not exist", at: folder, advice: "Make it first, or name another.")
        }
        guard identity.kind == S_IFDIR else { throw InputError("is not a folder, so nothing can be written into it", at: folder) }
        guard access(folder, W_OK | X_OK) == 0 else { throw InputError("cannot write into the folder: \(systemErrorMessage())", at: folder) }
    }
}

/// Which file a path leads to, whatever links are on the way.
struct FileIdentity: Hashable {
    let device: UInt64
    let number: UInt64
    /// S_IFREG, S_IFDIR, ...
    let kind: mode_t

    /// Nil where there is no such file.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
        kind = status.st_mode & S_IFMT
    }
}
