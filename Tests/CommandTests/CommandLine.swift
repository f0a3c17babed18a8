import Files
import Foundation
import GraphFile
import GraphTestSupport
import Images
import Tensors
import Testing

/// The built command, driven as a user drives it.
enum Command {
    struct Outcome: CustomStringConvertible {
        /// The exit status, or minus the signal that ended it.
        var status: Int
        var output: String
        var errors: String

        var description: String { "status \(status)\n\(output)\n\(errors)" }
    }

    /// Beside the test bundle.
    static let path = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("deblurdiff").path

    /// - Parameter standardOutput: goes there rather than to a file.
    static func start(
        _ arguments: [String], of program: String = path, in folder: String, output: String, standardOutput: FileHandle? = nil
    ) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardInput = FileHandle.nullDevice
        // Files, since a full pipe would stop the command.
        for suffix in ["out", "err"] { _ = FileManager.default.createFile(atPath: "\(output).\(suffix)", contents: nil) }
        process.standardOutput = standardOutput ?? FileHandle(forWritingAtPath: output + ".out")
        process.standardError = FileHandle(forWritingAtPath: output + ".err")
        try process.run()
        return process
    }

    static func run(
        _ arguments: [String], of program: String = path, in folder: String = "/", standardOutput: FileHandle? = nil
    ) throws -> Outcome {
        try withScratchFolder { scratch in
            let process = try start(arguments, of: program, in: folder, output: scratch + "/text", standardOutput: standardOutput)
            process.waitUntilExit()
            return Outcome(
                status: process.terminationReason == .exit ? Int(process.terminationStatus) : -Int(process.terminationStatus),
                output: try String(contentsOfFile: scratch + "/text.out", encoding: .utf8),
                errors: try String(contentsOfFile: scratch + "/text.err", encoding: .utf8))
        }
    }

    /// Runs the command where it must fail because of its input: status 1, one message, which holds these words, and a folder that is as it was.
    static func expectFailure(
        _ arguments: [String], of program: String = path, in folder: String, says words: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let before = try contents(folder)
        let outcome = try run(arguments, of: program, in: folder)
        #expect(outcome.status == 1, "\(outcome)", sourceLocation: sourceLocation)
        #expect(outcome.errors.hasPrefix("Error: "), "\(outcome)", sourceLocation: sourceLocation)
        #expect(outcome.errors.split(separator: "\n").count { $0.hasPrefix("Error") } == 1, "\(outcome)", sourceLocation: sourceLocation)
        #expect(!outcome.errors.contains("Fatal") && !outcome.errors.contains("InputError"), "\(outcome)", sourceLocation: sourceLocation)
        for word in words { #expect(outcome.errors.contains(word), "'\(word)' is not in: \(outcome)", sourceLocation: sourceLocation) }
        #expect(try contents(folder) == before, "something was left behind", sourceLocation: sourceLocation)
    }

    /// Names and sizes of all files below a folder.
    static func contents(_ folder: String) throws -> [String: Int] {
        var result: [String: Int] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            result[name] = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")[.size] as? Int ?? 0
        }
        return result
    }
}

/// What the tests of the command share: a small checkpoint, its config, and the model that the command makes of it.
enum SharedFiles {
    static let config = repositoryFile("Tests/Fixtures/tiny.yaml")

    private static let folder: Result<String, any Error> = Result {
        let folder = try makeScratchFolder()
        atexit { if let folder = try? SharedFiles.folder.get() { try? FileManager.default.removeItem(atPath: folder) } }
        let keys = try readCheckpointKeys(repositoryFile("Tests/Fixtures/tiny_keys.json"))
        try writeSeededCheckpoint(keys: keys, seed: 1, to: folder + "/tiny.safetensors")
        let outcome = try Command.run(["convert", "tiny.safetensors", "--config", config, "-o", "tiny.ddiff.safetensors"], in: folder)
        guard outcome.status == 0 else { throw InputError("the conversion failed: \(outcome)") }
        return folder
    }

    static var checkpoint: String { get throws { try folder.get() + "/tiny.safetensors" } }
    static var model: String { get throws { try folder.get() + "/tiny.ddiff.safetensors" } }

    static func writePhoto(_ path: String, width: Int = 70, height: Int = 50) throws {
        let pixels = (0..<width * height * 3).map { UInt8(truncatingIfNeeded: $0 * $0 / 7 + $0 / 3) }
        try Photo(width: width, height: height, pixels: pixels).writePNG(path)
    }

    static func write(_ bytes: some Sequence<UInt8>, _ path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

    static func read(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }
}
