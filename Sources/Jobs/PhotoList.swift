import Files
import Foundation
import Images

/// Which photographs are restored, and where each result goes.
public struct PhotoList: Sendable {
    public let jobs: [PhotoJob]
    /// What lies in the given folders and is not restored: a sentence for each folder with such files.
    public let remarks: [String]
    /// The folder that the results go into, or nil for a single file.
    public let folder: String?

    /// Folders are searched with all folders in them, and the tree is kept in the output. Hidden files, links to folders and the output itself are left out.
    ///
    /// - Parameters:
    ///   - output: a file for one photograph, a folder for several.
    ///   - format: what results are written as; without, what their names say, or what the inputs are.
    ///   - samples: how many results of each photograph; more than one are named NAME_0, NAME_1 and so on.
    ///   - writes: further files that will be written.
    ///   - reads: further files that must not be written over.
    /// - Throws: an `InputError` where inputs are missing, or results would be written over each other or over what is read.
    public init(inputs: [String], output: String, format: (any WritableImageCodec)?, samples: Int = 1, writes: [String], reads: [String]) throws {
        /// With the path below the folder that was given.
        var files: [(path: String, below: String)] = []
        var remarks: [String] = []
        var isFolderGiven = false
        for input in inputs {
            guard FileStatus(input)?.kind == S_IFDIR else {
                files.append((input, FilePath.name(of: input)))
                continue
            }
            isFolderGiven = true
            var tree = PhotoTree(excluding: FileIdentity(output))
            try tree.search(input, below: "")
            guard !tree.photos.isEmpty else {
                throw InputError("holds no photographs", at: input, advice: tree.others.map { "It holds \($0)." })
            }
            files += tree.photos.map { (FilePath.join(input, $0), $0) }
            if let others = tree.others { remarks.append("\(input): passing over \(others).") }
        }
        let existing = FileStatus(output)
        if files.count > 1 || isFolderGiven || output.hasSuffix("/") || existing?.kind == S_IFDIR {
            if let existing, existing.kind != S_IFDIR { throw InputError("is a file, but several images need a folder", at: output) }
            if existing == nil, !output.hasSuffix("/"), ImageFormats.named(output) != nil || OtherImageKind(name: output) != nil {
                throw InputError(
                    "is the name of a picture, but several images need a folder", at: output,
                    advice: "Name a folder, such as 'restored'; with a slash at its end, any name is that of a folder.")
            }
            folder = output
            jobs = PhotoList.sampled(try PhotoList.jobs(files, in: output, format), samples)
        } else {
            folder = nil
            let job = PhotoJob(input: files[0].path, output: output, format: try PhotoList.format(of: output, for: files[0].path, format))
            jobs = PhotoList.sampled([job], samples)
        }
        self.remarks = remarks
        let isReady = folder == nil || existing != nil
        try OutputFile.check(
            (isReady ? jobs.map(\.output) : []).filter { folder == nil || FileStatus(FilePath.folder(of: $0)) != nil } + writes,
            reads: files.map(\.path) + reads)
        if !isReady, let other = writes.first(where: { other in jobs.contains { FileIdentity($0.output) == FileIdentity(other) } }) {
            throw InputError("is also a result", at: other, advice: "Name different files.")
        }
    }

    /// A single photograph that comes from somewhere else than a file of its name: from standard input.
    public init(
        streamed file: StreamedFile, name: String, output: String, format: (any WritableImageCodec)?, samples: Int = 1, writes: [String], reads: [String]
    ) throws {
        let isFolder = FileStatus(output)?.kind == S_IFDIR
        guard !isFolder, !output.hasSuffix("/") else {
            throw InputError("is a folder, but \(name) has no name to be written there under", at: output, advice: "Name a file.")
        }
        (folder, remarks) = (nil, [])
        do {
            let job = PhotoJob(input: name, output: output, format: try PhotoList.format(of: output, for: file.path, format), stream: file)
            jobs = PhotoList.sampled([job], samples)
        } catch let error as InputError {
            throw error.renaming(file.path, to: name)
        }
        try OutputFile.check(jobs.map(\.output) + writes, reads: reads)
    }

    private static func sampled(_ jobs: [PhotoJob], _ count: Int) -> [PhotoJob] {
        guard count > 1 else { return jobs }
        return jobs.flatMap { job in
            (0..<count).map { sample in
                var job = job
                let name = FilePath.name(of: job.output)
                let dot = name.lastIndex(of: ".") ?? name.endIndex
                job.output = "\(job.output.dropLast(name.count))\(name[..<dot])_\(sample)\(name[dot...])"
                job.sample = sample
                return job
            }
        }
    }

    /// Photographs of a folder, by their paths below it, and where their results go below another folder.
    public init(files: [(path: String, below: String)], folder: String, reads: [String]) throws {
        self.folder = folder
        remarks = []
        jobs = try PhotoList.jobs(files, in: folder, nil)
        try OutputFile.check(jobs.map(\.output).filter { FileStatus(FilePath.folder(of: $0)) != nil }, reads: files.map(\.path) + reads)
    }

    /// All photographs in a folder, and in folders in it, with their paths below it.
    static func tree(_ folder: String) throws -> [(path: String, below: String)] {
        var tree = PhotoTree(excluding: nil)
        try tree.search(folder, below: "")
        guard !tree.photos.isEmpty else { throw InputError("holds no photographs", at: folder, advice: tree.others.map { "It holds \($0)." }) }
        return tree.photos.map { (FilePath.join(folder, $0), $0) }
    }

    /// All photographs among some files and in some folders, and in folders in these, to plan with: the outputs are empty.
    public static func photographs(_ inputs: [String], format: (any WritableImageCodec)? = nil) throws -> [PhotoJob] {
        try inputs.flatMap { input -> [String] in
            guard FileStatus(input)?.kind == S_IFDIR else { return [input] }
            var tree = PhotoTree(excluding: nil)
            try tree.search(input, below: "")
            return tree.photos.map { FilePath.join(input, $0) }
        }.map { PhotoJob(input: $0, output: "", format: resultFormat(of: $0, format)) }
    }

    /// What is asked for, or what the input is. What cannot be read fails later, by itself.
    private static func resultFormat(of input: String, _ wanted: (any WritableImageCodec)?) -> any WritableImageCodec {
        wanted ?? ((try? ImageFormats.codec(ofFile: input)) ?? ImageFormats.named(input) ?? PNGCodec()).resultFormat
    }

    /// Makes the output folder, if it is missing.
    public func prepareFolder() throws {
        guard let folder else { return }
        try FilePath.makeFolder(folder)
        try OutputFile.checkFolder(folder)
    }

    /// A result has its input's name, with another ending where it is of another format; and behind its own where another result has that name already.
    private static func jobs(_ files: [(path: String, below: String)], in folder: String, _ format: (any WritableImageCodec)?) throws -> [PhotoJob] {
        // Swift takes paths for equal that the system tells apart.
        var taken: [[UInt8]: String] = [:]
        let names = Set(files.map { FilePath.bytes($0.below) })
        return try files.map { file in
            let format = resultFormat(of: file.path, format)
            var below = file.below
            if !format.isNamed(below) {
                let name = FilePath.name(of: below)
                let stem = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
                let renamed = below.dropLast(name.count) + (stem.isEmpty ? name : stem) + "." + format.nameExtensions[0]
                let isTaken = taken[FilePath.bytes(FilePath.join(folder, renamed))] != nil || names.contains(FilePath.bytes(renamed))
                below = isTaken ? below + "." + format.nameExtensions[0] : renamed
            }
            let output = FilePath.join(folder, below)
            if let other = taken.updateValue(file.path, forKey: FilePath.bytes(output)) {
                throw InputError("\(other.printable) and \(file.path.printable) would both be written there", at: output)
            }
            return PhotoJob(input: file.path, output: output, format: format)
        }
    }

    /// What a single result is written as.
    private static func format(of output: String, for input: String, _ wanted: (any WritableImageCodec)?) throws -> any WritableImageCodec {
        let named = ImageFormats.named(output)
        if let format = named as? any WritableImageCodec {
            guard let wanted, wanted.name != format.name else { return format }
            throw InputError("would be a \(format.name) file by its name, but a \(wanted.name) file by `format`", at: output, advice: "Leave out `format`.")
        }
        if let kind = named?.name ?? OtherImageKind(name: output)?.rawValue {
            let name = output.prefix(upTo: output.lastIndex(of: ".")!)
            throw InputError(
                "would be a \(kind) file by its name, but only \(ImageFormats.writableNames) is written", at: output,
                advice: "Name it \(name).jpg, or \(name).png.")
        }
        return try wanted ?? ImageFormats.codec(ofFile: input).resultFormat
    }
}

/// The photographs in a folder and in all folders in it.
private struct PhotoTree {
    let excluded: FileIdentity?
    /// Below the folder, in the order of their names.
    var photos: [String] = []
    private var kinds: [OtherImageKind: Int] = [:]
    private var (links, rest) = (0, 0)

    init(excluding folder: FileIdentity?) { excluded = folder }

    mutating func search(_ folder: String, below: String) throws {
        for name in try FilePath.contents(of: folder) where !name.hasPrefix(".") {
            let (path, below) = (FilePath.join(folder, name), below.isEmpty ? name : FilePath.join(below, name))
            if FileStatus(path)?.kind == S_IFDIR {
                // A link may lead back to where the search came from.
                if FileStatus(path, followingLinks: false)?.kind == S_IFLNK {
                    links += 1
                } else if FileIdentity(path) != excluded {
                    try search(path, below: below)
                }
            } else if let kind = OtherImageKind(name: name) {
                kinds[kind, default: 0] += 1
            } else if ImageFormats.named(name) != nil || ImageFormats.isPicture(path) {
                photos.append(below)
            } else {
                rest += 1
            }
        }
    }

    /// In words, what else there is.
    var others: String? {
        var counts = OtherImageKind.allCases.map { ("\($0.rawValue) file", kinds[$0] ?? 0) }
        counts += [("link to a folder", links), ("other file", rest)]
        let words = counts.filter { $0.1 > 0 }.map { what, count in
            "\(count) \(count == 1 ? what : what.hasPrefix("link") ? "links to folders" : what + "s")"
        }
        return words.isEmpty ? nil : words.joined(separator: ", ")
    }
}
