import ArgumentParser
import Files
import Foundation
import Logging
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

            'deblurdiff help topics' lists what else there is to read.
            """,
        version: version,
        subcommands: [
            ConvertCommand.self, RunCommand.self, ServeCommand.self, PlanCommand.self, EvaluateCommand.self, InspectCommand.self, VerifyCommand.self,
            PackCommand.self, TuneStepsCommand.self,
            DumpCommand.self, DiffCommand.self, PassesCommand.self,
            ProfileCommand.self, BenchCommand.self, CompareCommand.self, BlurCommand.self, ExecuteCommand.self, ExportCommand.self,
        ])

    static let version = "0.1.0"
    /// As results name it.
    static let program = "deblurdiff \(version)"

    static let start = ContinuousClock.now
    /// Behind the program's name.
    nonisolated(unsafe) private(set) static var arguments: [String] = []
    /// Known before arguments are parsed, since whoever logs first makes the logger.
    static var isVerbose: Bool { arguments.prefix { $0 != "--" }.contains("--verbose") }
    nonisolated(unsafe) private(set) static var userConfiguration: UserConfiguration?

    static func main() {
        _ = start
        // Swift's runtime would print a backtrace and go on, and programs that start this one may have blocked it.
        signal(SIGQUIT, SIG_DFL)
        unblock(SIGQUIT)
        endProgramOnFaults()
        prepareStandardStreams()
        // Paths need not be UTF-8, which `CommandLine.arguments` repairs.
        let given = UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc))
            .dropFirst().compactMap { $0.map { FilePath.text(UnsafePointer($0)) } }
        arguments = separatingEmptyValues(given)
        do {
            LoggingSystem.bootstrap { label in
                var handler = StreamLogHandler.standardError(label: label)
                handler.logLevel = DeblurDiffCommand.isVerbose ? .debug : .critical
                return handler
            }
            try checkCommand(arguments.first)
            if let text = try help(arguments) { return try print(text) }
            try configure()
            var command = try parseAsRoot(arguments)
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

    /// The text of a topic, where one is asked for.
    private static func help(_ arguments: [String]) throws -> String? {
        guard arguments.count == 2, arguments[0] == "help", !commandNames.contains(arguments[1]) else { return nil }
        if arguments[1] == "man" { return try ManualPage.text(help: _dumpHelp(), version: version) }
        if let text = HelpTopics.text(arguments[1]) { return text }
        throw ValidationError("There is no command or topic '\(arguments[1])'. See 'deblurdiff help topics'.")
    }

    /// Takes up what the user's configuration has for the command, in front of what the command line has.
    private static func configure() throws {
        guard let command = arguments.first, commandNames.contains(command) else { return }
        let path = UserConfiguration.path
        let configuration = try UserConfiguration(path: path, commands: commandNames)
        userConfiguration = configuration
        guard let more = configuration.arguments[command], !arguments.contains("--help"), !arguments.contains("-h") else { return }
        arguments.insert(contentsOf: more, at: 1)
        do { _ = try parseAsRoot(arguments) } catch {
            // Whose mistake it is, is not to be guessed.
            guard (try? parseAsRoot([command] + arguments.dropFirst(1 + more.count))) != nil else { return }
            throw InputError("'\(command)': \(message(for: error))", at: path, advice: "See 'deblurdiff \(command) --help' for its options.")
        }
    }

    private static var commandNames: [String] { configuration.subcommands.compactMap { $0.configuration.commandName } }

    /// Throws for a first argument that is no command, with the one that is probably meant.
    private static func checkCommand(_ argument: String?) throws {
        let names = commandNames + ["help"]
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
