import Foundation
import Tensors

/// Which photographs are read, and where each result goes.
struct PhotoJobs {
    struct Job {
        var input: String
        var output: String
    }

    let all: [Job]
    private let folder: String?

    init(inputs: [String], output: String) throws {
        var files: [String] = []
        var isFolderGiven = false
        for input in inputs {
            guard PhotoJobs.isFolder(input) else {
                files.append(input)
                continue
            }
            isFolderGiven = true
            let names = try PhotoJobs.contents(input).filter { $0.lowercased().hasSuffix(".png") && !$0.hasPrefix(".") }.sorted()
            guard !names.isEmpty else { throw InputError("holds no PNG files", at: input) }
            files += names.map { (input as NSString).appendingPathComponent($0) }
        }
        if files.count > 1 || isFolderGiven || output.hasSuffix("/") || PhotoJobs.isFolder(output) {
            if FileManager.default.fileExists(atPath: output), !PhotoJobs.isFolder(output) {
                throw InputError("is a file, but several images need a folder", at: output)
            }
            folder = output
            all = files.map { Job(input: $0, output: (output as NSString).appendingPathComponent(($0 as NSString).lastPathComponent)) }
        } else {
            folder = nil
            all = [Job(input: files[0], output: output)]
        }
        var seen: [String: String] = [:]
        for job in all {
            if let other = seen.updateValue(job.input, forKey: job.output) {
                throw InputError("\(other) and \(job.input) would both be written there", at: job.output)
            }
            guard PhotoJobs.canonical(job.input) != PhotoJobs.canonical(job.output) else {
                throw InputError("the result would replace its input", at: job.output, advice: "Name another --output.")
            }
        }
    }

    /// Makes the output folder if it is missing.
    func prepareFolder() throws {
        guard let folder, !PhotoJobs.isFolder(folder) else { return }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch { throw InputError("cannot make the folder: \(error.localizedDescription)", at: folder) }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    private static func contents(_ folder: String) throws -> [String] {
        do { return try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
            throw InputError("cannot list the folder: \(systemErrorMessage())", at: folder)
        }
    }

    private static func canonical(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
}
