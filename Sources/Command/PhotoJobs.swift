import Files
import Foundation
import Images
import Tensors

/// Which photographs are read, and where each result goes.
struct PhotoJobs {
    struct Job {
        var input: String
        var output: String
    }

    let all: [Job]
    /// What lies in the given folders and is not restored: a sentence for each folder with such files.
    let remarks: [String]
    /// The folder that the results go into, or nil for a single file.
    private let folder: String?

    /// - Parameters:
    ///   - writes: further files that will be written.
    ///   - reads: further files that must not be written over.
    init(inputs: [String], output: String, writes: [String], reads: [String]) throws {
        var files: [String] = []
        var remarks: [String] = []
        var isFolderGiven = false
        for input in inputs {
            guard FileStatus(input)?.kind == S_IFDIR else {
                files.append(input)
                continue
            }
            isFolderGiven = true
            let (names, others) = try PhotoJobs.photos(in: input)
            guard !names.isEmpty else {
                throw InputError("holds no PNG files", at: input, advice: others.map { "It holds \($0). Convert pictures to PNG; name subfolders themselves." })
            }
            files += names.map { FilePath.join(input, $0) }
            if let others { remarks.append("\(input): passing over \(others); only PNG files in the folder itself are restored.") }
        }
        let existing = FileStatus(output)
        if files.count > 1 || isFolderGiven || output.hasSuffix("/") || existing?.kind == S_IFDIR {
            if let existing, existing.kind != S_IFDIR { throw InputError("is a file, but several images need a folder", at: output) }
            if existing == nil, PhotoJobs.isPNG(output) || ImageFileKind(name: output) != nil {
                throw InputError(
                    "is the name of a picture, but several images need a folder", at: output,
                    advice: "Name a folder, such as 'restored'; with a slash at its end, any name is that of a folder.")
            }
            folder = output
            all = files.map { Job(input: $0, output: FilePath.join(output, FilePath.name(of: $0))) }
        } else {
            folder = nil
            all = [Job(input: files[0], output: output)]
        }
        self.remarks = remarks
        for job in all {
            guard let kind = ImageFileKind(name: job.output) else { continue }
            let name = job.output.prefix(upTo: job.output.lastIndex(of: ".")!)
            throw InputError(
                "would be a \(kind.rawValue) file by its name, but only PNG is written", at: job.output,
                advice: "Name it \(name).png, and convert it afterwards.")
        }
        // Swift takes paths for equal that the system tells apart.
        var seen: [[UInt8]: String] = [:]
        for job in all {
            if let other = seen.updateValue(job.input, forKey: FilePath.bytes(job.output)) {
                throw InputError("\(other.printable) and \(job.input.printable) would both be written there", at: job.output)
            }
        }
        let isReady = folder == nil || existing != nil
        try OutputFile.check((isReady ? all.map(\.output) : []) + writes, reads: files + reads)
        if !isReady, let other = writes.first(where: { other in all.contains { FileIdentity($0.output) == FileIdentity(other) } }) {
            throw InputError("is also a result", at: other, advice: "Name different files.")
        }
    }

    /// Makes the output folder, if it is missing.
    func prepareFolder() throws {
        guard let folder else { return }
        try FilePath.makeFolder(folder)
        try OutputFile.checkFolder(folder)
    }

    private static func isPNG(_ path: String) -> Bool { path.lowercased().hasSuffix(".png") }

    /// The names of the PNG files in a folder, and in words what else is in it. Hidden files do not count.
    private static func photos(in folder: String) throws -> (names: [String], others: String?) {
        var names: [String] = []
        var (kinds, folders, rest): ([ImageFileKind: Int], Int, Int) = ([:], 0, 0)
        for name in try FilePath.contents(of: folder) where !name.hasPrefix(".") {
            if FileStatus(FilePath.join(folder, name))?.kind == S_IFDIR {
                folders += 1
            } else if isPNG(name) {
                names.append(name)
            } else if let kind = ImageFileKind(name: name) {
                kinds[kind, default: 0] += 1
            } else {
                rest += 1
            }
        }
        var counts = ImageFileKind.allCases.map { ("\($0.rawValue) file", kinds[$0] ?? 0) }
        counts += [("subfolder", folders), ("other file", rest)]
        let words = counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)\($0.1 == 1 ? "" : "s")" }
        return (names, words.isEmpty ? nil : words.joined(separator: ", "))
    }
}
