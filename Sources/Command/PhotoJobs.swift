import Files
import Foundation
import Images

/// Which photographs are read, and where each result goes.
struct PhotoJobs {
    struct Job {
        var input: String
        var output: String
        /// What the output is written as.
        var format: any WritableImageCodec
    }

    let all: [Job]
    /// What lies in the given folders and is not restored: a sentence for each folder with such files.
    let remarks: [String]
    /// The folder that the results go into, or nil for a single file.
    private let folder: String?

    /// - Parameters:
    ///   - format: what results are written as; without, what their names say, or what the inputs are.
    ///   - writes: further files that will be written.
    ///   - reads: further files that must not be written over.
    init(inputs: [String], output: String, format: (any WritableImageCodec)?, writes: [String], reads: [String]) throws {
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
                throw InputError("holds no photographs", at: input, advice: others.map { "It holds \($0). Name subfolders themselves." })
            }
            files += names.map { FilePath.join(input, $0) }
            if let others { remarks.append("\(input): passing over \(others); only photographs in the folder itself are restored.") }
        }
        let existing = FileStatus(output)
        if files.count > 1 || isFolderGiven || output.hasSuffix("/") || existing?.kind == S_IFDIR {
            if let existing, existing.kind != S_IFDIR { throw InputError("is a file, but several images need a folder", at: output) }
            if existing == nil, ImageFormats.named(output) != nil || OtherImageKind(name: output) != nil {
                throw InputError(
                    "is the name of a picture, but several images need a folder", at: output,
                    advice: "Name a folder, such as 'restored'; with a slash at its end, any name is that of a folder.")
            }
            folder = output
            all = files.map { PhotoJobs.job($0, in: output, format) }
        } else {
            folder = nil
            all = [Job(input: files[0], output: output, format: try PhotoJobs.format(of: output, for: files[0], format))]
        }
        self.remarks = remarks
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

    /// A file of a folder of results has its input's name, with another ending where it is of another format.
    private static func job(_ input: String, in folder: String, _ format: (any WritableImageCodec)?) -> Job {
        var name = FilePath.name(of: input)
        // What cannot be read fails later, by itself.
        let format = format ?? ((try? ImageFormats.codec(ofFile: input)) ?? ImageFormats.named(input) ?? PNGCodec()).resultFormat
        if !format.isNamed(name) { name = String(name.prefix(upTo: name.lastIndex(of: ".") ?? name.endIndex)) + "." + format.nameExtensions[0] }
        return Job(input: input, output: FilePath.join(folder, name), format: format)
    }

    /// What a single result is written as.
    private static func format(of output: String, for input: String, _ wanted: (any WritableImageCodec)?) throws -> any WritableImageCodec {
        let named = ImageFormats.named(output)
        if let format = named as? any WritableImageCodec {
            guard let wanted, wanted.name != format.name else { return format }
            throw InputError("would be a \(format.name) file by its name, but a \(wanted.name) file by --format", at: output, advice: "Leave out --format.")
        }
        if let kind = named?.name ?? OtherImageKind(name: output)?.rawValue {
            let name = output.prefix(upTo: output.lastIndex(of: ".")!)
            throw InputError(
                "would be a \(kind) file by its name, but only \(ImageFormats.writableNames) is written", at: output,
                advice: "Name it \(name).jpg, or \(name).png.")
        }
        return try wanted ?? ImageFormats.codec(ofFile: input).resultFormat
    }

    /// The names of the photographs in a folder, by their bytes or at least by their names, and in words what else is in it. Hidden files do not count.
    private static func photos(in folder: String) throws -> (names: [String], others: String?) {
        var names: [String] = []
        var (kinds, folders, rest): ([OtherImageKind: Int], Int, Int) = ([:], 0, 0)
        for name in try FilePath.contents(of: folder) where !name.hasPrefix(".") {
            let path = FilePath.join(folder, name)
            if FileStatus(path)?.kind == S_IFDIR {
                folders += 1
            } else if let kind = OtherImageKind(name: name) {
                kinds[kind, default: 0] += 1
            } else if ImageFormats.named(name) != nil || ImageFormats.isPicture(path) {
                names.append(name)
            } else {
                rest += 1
            }
        }
        var counts = OtherImageKind.allCases.map { ("\($0.rawValue) file", kinds[$0] ?? 0) }
        counts += [("subfolder", folders), ("other file", rest)]
        let words = counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)\($0.1 == 1 ? "" : "s")" }
        return (names, words.isEmpty ? nil : words.joined(separator: ", "))
    }
}
