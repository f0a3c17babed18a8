import ArgumentParser
import DeblurDiff
import Files
import Foundation
import Images
import Jobs

/// `run --jobs`: lines of JSON in, lines of JSON out, one model in memory.
struct JobsRun {
    let command: RunCommand
    let model: String

    /// The options that a line may have.
    private struct Options: ParsableArguments {
        @OptionGroup var restoration: RestorationFlags
        @OptionGroup var reading: ReadingFlags
        @OptionGroup var writing: WritingFlags
        @Flag var overwrite = false
        @Flag var onlyIfBlurred = false
    }

    /// - Parameter source: a file, or `-`.
    func run(_ source: String) throws {
        let stream = source == "-" ? STDIN_FILENO : open(FilePath.system(source), O_RDONLY | O_CLOEXEC)
        guard stream >= 0 else { throw InputError("cannot open the file: \(systemErrorMessage())", at: source) }
        let progress = ProgressReporter(quiet: command.quiet, style: command.progress)
        let interruption = InterruptionSignals.handle()
        let model = try command.runtime.openModel(
            model, command.restoration.preset, cleaner: command.front.load(), keepsPrograms: true, packedFolder: command.packedFolder)
        /// For lines with the same options.
        var last: (arguments: [String], restorer: PhotoRestorer)?
        var number = 0
        for text in LineReader(stream) {
            number += 1
            guard text.contains(where: { ![0x20, 0x09, 0x0d].contains($0) }) || text.count > JobLine.mostBytes else { continue }
            var answer = JobAnswer(line: number)
            do {
                guard text.count <= JobLine.mostBytes else { throw InputError("is longer than \(JobLine.mostBytes) bytes") }
                answer.id = try? JSONDecoder().decode(Identity.self, from: Data(text)).id
                let line = try JobLine(text)
                let arguments = try line.arguments()
                let merged = try merge(arguments)
                let list = try PhotoList(inputs: [line.input], output: line.output, format: merged.writing.codec, writes: [], reads: [self.model])
                guard list.folder == nil, list.jobs.count == 1 else {
                    throw InputError("a line is for one photograph and the name of its result", at: line.input)
                }
                let restorer =
                    try last.flatMap { $0.arguments == arguments ? $0.restorer : nil }
                    ?? PhotoRestorer(model: model, settings: try merged.settings(for: model), several: true, interruption: interruption) { event in
                        if case .progress(let job, let state) = event { progress.restoration(FilePath.name(of: job.input), state) }
                    }
                last = (arguments, restorer)
                answer.report = try restorer.restore(list.jobs).first
            } catch let error as InputError {
                answer.error = error.description
            } catch is Interrupted {
                progress.clear()
                throw ExitCode(InterruptionSignals.status)
            }
            progress.clear()
            try print(answer.text)
        }
        model.packed.map(progress.waitForPackedWeights)
    }

    /// For the answer to a line that is otherwise wrong.
    private struct Identity: Decodable { var id: JSONValue? }

    /// The command as it would be with a line's options behind its own.
    private func merge(_ arguments: [String]) throws -> RunCommand {
        do {
            _ = try Options.parse(arguments)
            return try RunCommand.parse(DeblurDiffCommand.arguments.dropFirst() + arguments)
        } catch {
            throw InputError(Options.message(for: error), at: "options")
        }
    }
}
