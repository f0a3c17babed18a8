import ArgumentParser
import DeblurDiff
import Files
import Foundation
import GraphFile
import GraphViews
import Tensors

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check every part of a converted model: graphs, sizes, alignment and checksums.")

    @OptionGroup var source: ModelArgument

    @Flag(help: "Report as JSON, on standard output.")
    var json = false

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    private struct Report: Encodable {
        var schema = "deblurdiff.verify/1"
        var path: String
        var tensors: Int
        var bytes: Int
        var problems: [String]
    }

    func run() throws {
        let progress = ProgressReporter(quiet: quiet)
        let file = try ModelFile(path: source.path())
        var problems = file.verify { progress.bytes("Verifying", done: $0, total: $1) }
        do {
            _ = try file.kind.graphs(file)
        } catch let error as InputError { problems.append(error) }
        progress.clear()
        if json {
            try print(encodeJSON(Report(path: file.path, tensors: file.tensorNames.count, bytes: file.tensorByteCount, problems: problems.map(\.description))))
            if !problems.isEmpty { throw ExitCode(1) }
            return
        }
        guard problems.isEmpty else {
            let list = problems.prefix(20).map(\.description).joined(separator: "\n  ")
            let more = problems.count > 20 ? "\n  ... and \(problems.count - 20) more" : ""
            throw InputError("\(problems.count) problem\(problems.count == 1 ? "" : "s")", at: file.path, advice: list + more)
        }
        progress.finish("\(file.path) is sound: \(file.tensorNames.count) tensors, \(Units.bytes(file.tensorByteCount)).")
    }
}
