import ArgumentParser
import DeblurDiff
import Files
import Foundation
import GraphRuntime
import Images
import Jobs

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Restore blurred photographs.",
        discussion: """
            Takes PNG, JPEG, TIFF, WebP, HEIC and AVIF files and folders of them, with the folders in them. One image goes to the file that --output names (or \
            into the folder, if it is one); several go into that folder under their own names, in the same tree. Results are PNG, JPEG, TIFF or WebP by the ending of \
            their names, or as their inputs are (JPEG for HEIC and AVIF). Pictures come out upright. Gray stays gray, 16 bits stay 16; transparency, colour profile, \
            EXIF, XMP and IPTC are carried over, and how the result was made is written into it.

            Ctrl-C ends the work after the step under way (a second one at once), with status 130. The same command goes on from there, to the same bits. \
            Results that are there, made from the same photographs in the same way, are not made again (but with --strip-metadata, when they do not say how they were \
            made, and with --seed-mode once, when one depends on the others).
            """)

    @Argument(help: ArgumentHelp("Photographs, or folders with photographs; a model may stand in front of them.", valueName: "image"))
    var images: [String]

    @OptionGroup var source: ModelOption

    @Option(name: [.short, .long], help: ArgumentHelp("Where to write: a file, or a folder.", valueName: "path"))
    var output: String

    @OptionGroup var restoration: RestorationFlags

    @Flag(help: "Make results anew that are there already.")
    var overwrite = false

    @Flag(help: "Begin anew where an earlier run was interrupted, and keep nothing for a later one.")
    var noResume = false

    @Option(help: ArgumentHelp("Where interrupted restorations are kept. (default: ~/.cache/deblurdiff/unfinished)", valueName: "folder"))
    var stateDir: String?

    @Option(help: ArgumentHelp("Write what became of each photograph, a line of JSON each.", valueName: "file.jsonl"))
    var manifest: String?

    @Option(help: ArgumentHelp("Write each stage's tensors to a safetensors file.", valueName: "file"))
    var record: String?

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    @OptionGroup var reading: ReadingFlags

    @OptionGroup var writing: WritingFlags

    @OptionGroup var runtime: RuntimeFlags

    func validate() throws {
        guard !images.contains(""), !output.isEmpty, record != "", manifest != "", stateDir != "" else { throw ValidationError("A path is empty.") }
        guard !(noResume && stateDir != nil) else { throw ValidationError("--state-dir is of no use with --no-resume.") }
    }

    func run() throws {
        var images = images
        let named = try source.named(before: &images)
        guard !images.isEmpty else { throw ValidationError("Name at least one image or folder.") }
        let path = try named ?? ShippedModel.path()
        let list = try PhotoList(
            inputs: images, output: output, format: writing.codec, writes: [record, manifest].compactMap { $0 }, reads: [path])
        let count = list.jobs.count
        guard record == nil || count == 1 else { throw InputError("records one image only", at: "--record") }
        let progress = ProgressReporter(quiet: quiet)
        defer { progress.clear() }
        for remark in list.remarks { progress.finish(remark) }
        // A model is large; tell what is wrong with a single image before it is opened.
        let single = count == 1 ? try ReadPhoto(list.jobs[0], limits: reading.limits, stripsMetadata: writing.stripMetadata) : nil
        if named == nil { progress.finish("Restoring with \(path).") }
        let model = try DeblurDiffModel(path: path, options: runtime.makeOptions(), optimization: runtime.optimization.options)
        let recorder = record.map { _ in Recorder() }
        let interruption = InterruptionSignals.handle()
        let settings = settings(for: model)
        let reporter = RunReporter(progress, model: model, count: count, interruption: interruption, keepsResults: settings.keepsResults)
        let restorer = try PhotoRestorer(
            model: model, settings: settings, several: count > 1, recorder: recorder, interruption: interruption, report: reporter.report)
        try list.prepareFolder()
        do {
            try restorer.restore(list.jobs, first: single)
        } catch let error as Interrupted {
            try manifest.map { try Manifest.write(reporter.reports, to: $0) }
            progress.report(reporter.words(for: error))
            throw ExitCode(InterruptionSignals.status)
        }
        try manifest.map { try Manifest.write(reporter.reports, to: $0) }
        if let record, let recorder, reporter.reports[0].state == .done {
            try recorder.write(record)
            progress.finish("Wrote \(record): \(recorder.tensors.count) tensors.")
        }
        if let error = reporter.failure { throw error }
    }

    private func settings(for model: DeblurDiffModel) -> RestorationSettings {
        var settings = RestorationSettings(
            restoration: restoration.options(for: model.configuration), program: "deblurdiff \(DeblurDiffCommand.version)")
        settings.limits = reading.limits
        settings.writing = writing.options
        settings.stripsMetadata = writing.stripMetadata
        // A record is of a whole run.
        settings.overwrites = overwrite || record != nil
        if !noResume, record == nil { settings.unfinished = stateDir.map { UnfinishedStore(folder: $0) } ?? .standard }
        return settings
    }
}

/// Puts what happens into words.
private final class RunReporter {
    private let progress: ProgressReporter
    private let model: DeblurDiffModel
    private let count: Int
    private let interruption: Interruption
    /// Whether the same command will leave out what is done.
    private let keepsResults: Bool
    private var hasToldOfStopping = false
    private var lastError: (any Error)?
    /// Of the photographs that have ended.
    private(set) var reports: [PhotoReport] = []

    init(_ progress: ProgressReporter, model: DeblurDiffModel, count: Int, interruption: Interruption, keepsResults: Bool) {
        self.progress = progress
        self.model = model
        self.count = count
        self.interruption = interruption
        self.keepsResults = keepsResults
    }

    func report(_ event: PhotoEvent) {
        switch event {
        case .warning(_, let text): progress.warn(text)
        case .planned(_, let cost, let width, let height): tell(cost, width, height)
        case .resumed(let job, let step, let steps): progress.finish("Going on with \(job.input) behind step \(step) of \(steps).")
        case .progress(let job, let state):
            if interruption.isRequested, !hasToldOfStopping {
                hasToldOfStopping = true
                progress.finish("Stopping after this step. Once more to stop at once.")
            }
            let place = count > 1 ? "\(reports.count + 1)/\(count) " : ""
            progress.restoration(place + FilePath.name(of: job.input), state)
        case .ended(let job, let report, let error):
            reports.append(report)
            switch report.state {
            case .done:
                progress.finish("Wrote \(job.output): \(report.width ?? 0) x \(report.height ?? 0), \(formatDuration(report.seconds ?? 0)).")
            case .skipped:
                if count == 1 { progress.finish("\(job.output) is there already, made in the same way; --overwrite makes it anew.") }
            case .failed:
                lastError = error
                if count > 1, let error { progress.report(error) }
            }
            let skipped = reports.count { $0.state == .skipped }
            if reports.count == count, skipped > 0, count > 1 { progress.finish("\(skipped) of \(count) results were there already, made in the same way.") }
        }
    }

    /// Says what a photograph will take where that is much.
    private func tell(_ cost: RestorationCost, _ width: Int, _ height: Int) {
        // Less than this is done in no time on any machine, and not worth measuring it.
        guard cost.floatingPointOperations > 1e12 else { return }
        let seconds = cost.seconds(MachineLimits.measure(model.options.pool), precision: model.options.precision)
        let size = "\(width) x \(height) pixels take about \(formatDuration(seconds)) and \(Units.bytes(cost.peakByteCount)) of memory"
        if seconds > 3600 {
            let narrow = model.options.precision == .float32 ? "--precision int16 and " : ""
            progress.warn("\(size). Fewer --steps, \(narrow)smaller images take less time.")
        } else if seconds > 60 {
            progress.finish("\(size).")
        }
    }

    func words(for error: Interrupted) -> InputError {
        let what = "stopped: " + (count > 1 ? "\(reports.count) of \(count) photographs are done" : "nothing is written")
        if let kept = error.kept { return InputError(what, advice: "Step \(kept.step) of \(kept.of) is kept: the same command goes on from there.") }
        return InputError(what, advice: count > 1 && keepsResults ? "The same command goes on with the rest." : "The same command begins anew.")
    }

    /// What the command fails with.
    var failure: (any Error)? {
        let failed = reports.filter { $0.state == .failed }
        guard !failed.isEmpty, count > 1 else { return lastError }
        let list = failed.prefix(20).map { "\n    \($0.input)" }.joined() + (failed.count > 20 ? "\n    ..." : "")
        return InputError("\(failed.count) of \(count) images could not be restored\(failed.count < count ? "; the others were written" : ""):\(list)")
    }
}
