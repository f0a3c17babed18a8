import ArgumentParser
import DeblurDiff
import Files
import Foundation
import GraphRuntime
import ImageMetrics
import Images
import Jobs

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure how good photographs are: beside sharp ones, or by themselves.",
        discussion: """
            Takes a photograph, or a folder with the folders in it, and the sharp photographs of the same names; endings may differ. Folders that data sets name \
            so (blur, input, sharp, gt, ...) do not count, so GoPro, DVD, RealBlur, REDS and HIDE can be given as they are, their sharp photographs included. Without \
            sharp photographs, as of RWBI, metrics are measured that need none. 'deblurdiff help metrics' says what each of them is.

            Tables have the mean of each metric and where it lies with 95 % confidence (bootstrap). Results of a second folder, --against, stand beside them, with the differences \
            photograph by photograph. One that cannot be measured is named, and does not stop the others; the exit status is then 1.
            """)

    @Argument(help: ArgumentHelp("What is measured: a photograph or a folder. With --run, what is restored first.", valueName: "results"))
    var results: String

    @Option(help: ArgumentHelp("The sharp photographs: a folder, or a file for one photograph.", valueName: "path"))
    var reference: String?

    @Option(
        help: ArgumentHelp(
            "What is measured, with commas or repeated: \(StandardMetrics.all.map(\.name).joined(separator: ", ")), all, or NAME=FILE.onnx. (default: psnr, ssim and niqe, or without references niqe and sharpness)",
            valueName: "name"))
    var metric: [String] = []

    @Option(help: ArgumentHelp("Results of another way, to compare with.", valueName: "folder"))
    var against: String?

    @Flag(help: "A table for each folder that lies in the results.")
    var byFolder = false

    @Option(help: "Of the report: text, json, csv (each photograph), markdown or latex.")
    var format = ReportFormat.text

    @Option(name: [.short, .long], help: ArgumentHelp("Where to write the report; standard output without it.", valueName: "file"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Keep what was measured of each photograph, a line of JSON each; what is there already is not measured again.", valueName: "file.jsonl"))
    var measurements: String?

    @Option(help: ArgumentHelp("Write the four worst and the four best by the first metric: reference, result, and that of --against.", valueName: "file"))
    var contactSheet: String?

    @Option(
        name: .customLong("run"),
        help: ArgumentHelp("Restore the photographs with this model first; needs --into. The options below are those of 'run'.", valueName: "model"))
    var model: String?

    @Option(help: ArgumentHelp("Where restored photographs go, and stay; those that are there are not made again.", valueName: "folder"))
    var into: String?

    @Flag(help: "Print nothing but the report and errors.")
    var quiet = false

    @OptionGroup var reading: ReadingFlags

    @OptionGroup var restoration: RestorationFlags

    @OptionGroup var runtime: RuntimeFlags

    enum ReportFormat: String, CaseIterable, ExpressibleByArgument { case text, json, csv, markdown, latex }

    func validate() throws {
        guard (model == nil) == (into == nil) else { throw ValidationError("--run and --into go together.") }
        guard ![results, reference, against, output, measurements, contactSheet, model, into].contains("") else { throw ValidationError("A path is empty.") }
    }

    func run() throws {
        try OutputFile.check([output, contactSheet].compactMap { $0 }, reads: [results, reference, against, model].compactMap { $0 })
        let progress = ProgressReporter(quiet: quiet)
        defer { progress.clear() }
        let interruption = InterruptionSignals.handle()
        let options = runtime.makeOptions()
        var failures: [String] = []
        var pairs = try PhotoPairs.find(results, reference: reference)
        let metrics = try chosenMetrics(withReferences: pairs.contains { $0.reference != nil }, options)
        if let model, let into {
            let list = try PhotoList(files: pairs.map { ($0.image, $0.name) }, folder: into, reads: [model] + pairs.compactMap(\.reference))
            var run = try RunCommand.parse([results, "--output", into] + (quiet ? ["--quiet"] : []))
            (run.restoration, run.runtime, run.reading) = (restoration, runtime, reading)
            do { try run.restore(list, model: model) } catch let error as InputError {
                failures.append(error.description)
                if pairs.count > 1 { progress.report(error) }
            }
            for (index, job) in list.jobs.enumerated() { pairs[index].image = job.output }
            pairs.removeAll { FileStatus($0.image) == nil }
        }
        let lost = pairs.count { $0.reference == nil }
        if lost > 0, lost < pairs.count {
            progress.warn("\(countOfPhotographs(lost)) without a reference: \(EvaluateCommand.list(pairs.filter { $0.reference == nil }.map(\.name)))")
        }

        let evaluation = try Evaluation(
            metrics: metrics, limits: reading.limits, pool: options.pool, program: DeblurDiffCommand.program, measurements: measurements,
            interruption: interruption)
        func measure(_ pairs: [PhotoPair], _ folder: String) throws -> EvaluatedFolder {
            let measured = try evaluation.measure(pairs) { progress.photographs("measuring \(folder)", done: $0, total: pairs.count) }
            progress.clear()
            for measurement in measured {
                guard let error = measurement.error else { continue }
                failures.append(error)
                if measured.count > 1 { progress.report(InputError(error)) }
            }
            for metric in metrics {
                let reasons = measured.compactMap { $0.reason(metric) }
                if let reason = reasons.first { progress.warn("\(metric.title) is missing for \(countOfPhotographs(reasons.count)): \(reason).") }
            }
            return EvaluatedFolder(name: folder, photographs: Array(zip(pairs, measured)))
        }
        do {
            var folders = [try measure(pairs, model == nil ? results : into!)]
            if let against {
                let others = try PhotoPairs.find(against, reference: reference ?? (pairs.contains { $0.reference != nil } ? results : nil))
                folders.append(try measure(others, against))
            }
            let report = EvaluationReport(metrics: metrics, folders: folders, reference: reference, byFolder: byFolder)
            try writeOutput(report.text(format), to: output)
            if let contactSheet { try draw(report, to: contactSheet, progress) }
        } catch is Interrupted {
            progress.report(
                InputError(
                    "stopped", advice: measurements == nil ? "With --measurements FILE a run can go on where it was stopped." : "The same command goes on."))
            throw ExitCode(InterruptionSignals.status)
        }
        guard failures.isEmpty else { throw InputError(pairs.count == 1 ? failures[0] : "\(countOfPhotographs(failures.count)) could not be measured") }
    }

    private func chosenMetrics(withReferences: Bool, _ options: RuntimeOptions) throws -> [any Metric] {
        let names = metric.flatMap { $0.contains("=") ? [$0] : $0.split(separator: ",").map(String.init) }
        var chosen: [any Metric] = []
        for name in names.isEmpty ? withReferences ? ["psnr", "ssim", "niqe"] : ["niqe", "sharpness"] : names {
            if name == "all" {
                chosen += StandardMetrics.all.filter { withReferences || !$0.needsReference }
            } else if let split = name.firstIndex(of: "=") {
                chosen.append(try ModelMetric(name: String(name[..<split]), path: String(name[name.index(after: split)...]), options: options))
            } else if let metric = StandardMetrics.all.first(where: { $0.name == name }) {
                chosen.append(metric)
            } else {
                throw ValidationError(
                    "There is no metric '\(name)'; there are: \(StandardMetrics.all.map(\.name).joined(separator: ", ")), all, and NAME=FILE.onnx.")
            }
        }
        var taken: Set<String> = []
        chosen = chosen.filter { taken.insert($0.name).inserted }
        if !withReferences, let metric = chosen.first(where: \.needsReference) {
            throw InputError("\(metric.title) needs references, and there are none", at: results, advice: "Name the sharp photographs with --reference.")
        }
        return chosen
    }

    private func draw(_ report: EvaluationReport, to path: String, _ progress: ProgressReporter) throws {
        let ranked = report.ranked
        let shown = ranked.count <= 8 ? ranked : ranked.prefix(4) + ranked.suffix(4)
        let sheet = try EvaluationSheet.picture(shown.map(\.pictures), limits: reading.limits)
        try sheet.write(path, as: ImageFormats.named(path) as? any WritableImageCodec ?? PNGCodec())
        progress.finish("Wrote \(path), from the worst to the best by \(report.metrics[0].title): \(EvaluateCommand.list(shown.map(\.name))).")
    }

    private static func list(_ names: [String]) -> String { names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", ..." : "") }
}
