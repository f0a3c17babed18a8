import ArgumentParser
import Files
import Foundation
import Tensors

@main
struct DeblurDiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deblurdiff",
        abstract: "Restores blurred photographs with DeblurDiff, on a CPU.",
        discussion: """
            Restore photographs with the small model that comes with the program:

              deblurdiff run blurred.png -o sharp.png

            or convert a checkpoint once, and restore with that:

              deblurdiff convert model.pth -o deblurdiff.ddiff.safetensors
              deblurdiff run blurred.png --model deblurdiff.ddiff.safetensors -o sharp.png
            """,
        version: version,
        subcommands: [
            ConvertCommand.self, RunCommand.self, PlanCommand.self, InspectCommand.self, VerifyCommand.self, DumpCommand.self, DiffCommand.self,
            PassesCommand.self,
            ProfileCommand.self, BenchCommand.self, CompareCommand.self, ExecuteCommand.self, ExportCommand.self,
        ])

    static let version = "0.1.0"

    static func main() {
        // Swift's runtime would print a backtrace and go on, and programs that start this one may have blocked it.
        signal(SIGQUIT, SIG_DFL)
        unblock(SIGQUIT)
        endProgramOnFaults()
        prepareStandardStreams()
        // Paths need not be UTF-8, which `CommandLine.arguments` repairs.
        let arguments = UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc))
            .dropFirst().compactMap { $0.map { FilePath.text(UnsafePointer($0)) } }
        do {
            try checkCommand(arguments.first)
            var command = try parseAsRoot(separatingEmptyValues(arguments))
            try command.run()
        } catch { end(error) }
    }

    private static func unblock(_ signal: Int32) {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, signal)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    /// `--name=` as `--name` and an empty value; the parser would take it for an option whose value is missing.
    private static func separatingEmptyValues(_ arguments: [String]) -> [String] {
        let options = arguments.prefix { $0 != "--" }
        return options.flatMap { argument in
            argument.hasPrefix("--") && argument.count > 3 && argument.firstIndex(of: "=") == argument.indices.last
                ? [String(argument.dropLast()), ""] : [argument]
        } + arguments.dropFirst(options.count)
    }

    /// Prints what an error says, or the help or version that was asked for, and ends the program.
    private static func end(_ error: any Error) -> Never {
        if let error = error as? ClosedPipe { error.endProgram() }
        let (text, status) = (fullMessage(for: error), exitCode(for: error))
        if status.isSuccess {
            do { try print(text) } catch { end(error) }
        } else {
            writeToStandardError(namingOptions(text).printableLines + "\n")
        }
        Foundation.exit(status.rawValue)
    }

    /// Throws for a first argument that is no command, with the one that is probably meant.
    private static func checkCommand(_ argument: String?) throws {
        let names = configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
        guard let argument, !argument.hasPrefix("-"), !names.contains(argument) else { return }
        var advice = "The commands are: \(names.joined(separator: ", "))."
        if FileStatus(argument) != nil {
            advice = "To restore photographs: deblurdiff run \(argument) -o sharp.png"
        } else if let name = nearest(to: argument.lowercased(), in: names) {
            advice = "Did you mean '\(name)'?"
        }
        throw ValidationError("There is no command '\(argument)'. \(advice)")
    }

    /// The name that begins so, or is made by putting in or taking away two letters at most.
    private static func nearest(to word: String, in names: [String]) -> String? {
        let distances = names.map { (name: $0, distance: $0.hasPrefix(word) ? 1 : word.difference(from: $0).count) }
        return distances.filter { $0.distance <= 2 }.min { $0.distance < $1.distance }?.name
    }
}
