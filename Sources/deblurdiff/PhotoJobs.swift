import Foundation
import Tensors

/// Which photographs are read, and where each result goes.
struct PhotoJobs {
    struct Job {
        var input: String
        var output: String
    }

    let all: [Job]
    /// The folder that the results go into, or nil for a single file.
    private let folder: String?

    /// - Parameter reads: further files that must not be written over.
    init(inputs: [String], output: String, reads: [String]) throws {
        var files: [String] = []
        var isFolderGiven = false
        for input in inputs {
            guard FileIdentity(input)?.kind == S_IFDIR else {
                files.append(input)
                continue
            }
            isFolderGiven = true
            let names = try PhotoJobs.contents(input).filter { $0.lowercased().hasSuffix(".png") && !$0.hasPrefix(".") }.sorted()
            guard !names.isEmpty else { throw InputError("holds no PNG files", at: input) }
            files += names.map { FilePath.join(input, $0) }
        }
        let existing = FileIdentity(output)
        if files.count > 1 || isFolderGiven || output.hasSuffix("/") || existing?.kind == S_IFDIR {
            if let existing, existing.kind != S_IFDIR { throw InputError("is a file, but several images need a folder", at: output) }
            folder = output
            all = files.map { Job(input: $0, output: FilePath.join(output, FilePath.name(of: $0))) }
        } else {
            folder = nil
            all = [Job(input: files[0], output: output)]
        }
        var seen: [String: String] = [:]
        for job in all {
            if let other = seen.updateValue(job.input, forKey: job.output) {
                throw InputError("\(other) and \(job.input) would both be written there", at: job.output)
            }
        }
        let inputs = files + reads
        for job in all where folder == nil || existing != nil { try OutputFile.check(job.output, reads: inputs) }
    }

    /// Makes the output folder if it is missing.
    func prepareFolder() throws {
        guard let folder else { return }
        if FileIdentity(folder) == nil {
            do {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            } catch { throw InputError("cannot make the folder: \(reason(error))", at: folder) }
        }
        try OutputFile.checkFolder(folder)
    }

    private static func contents(_ folder: String) throws -> [String] {
        do { return try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
            throw InputError("cannot list the folder: \(reason(error))", at: folder)
        }
    }
}

/// The system's words for an error of Foundation, whose own are long and repeat the path.
private func reason(_ error: any Error) -> String {
    var error = error as NSError
    while let underlying = error.userInfo[NSUnderlyingErrorKey] as? NSError { error = underlying }
    return error.domain == NSPOSIXErrorDomain ? systemErrorMessage(Int32(error.code)) : error.localizedDescription
}
