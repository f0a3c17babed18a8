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
            Results that are there, made from the same photographs in the same way, are not made again (but with --seed-mode once, when one depends on the others; \
            what is made with --strip-metadata does not say how, and is remembered for 30 days where interrupted work is).
            """)

    @Argument(help: ArgumentHelp("Photographs, or folders with photographs; a model may stand in front of them.", valueName: "image"))
    var images: [String] = []

    @OptionGroup var source: ModelOption

    @Option(name: [.short, .long], help: ArgumentHelp("Where to write: a file, or a folder; - for standard output.", valueName: "path"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Restore what lines of JSON ask for, from a file or - for standard input, and answer with lines; see 'deblurdiff help jobs'.", valueName: "file"))
    var jobs: String?

    @OptionGroup var restoration: RestorationFlags

    @OptionGroup var front: CleanerOption

    @Option(
        help: ArgumentHelp(
            "So many results of each photograph, NAME_0, NAME_1 and so on, each with the random numbers behind those of the one before.", valueName: "n"))
    var nSamples = 1

    @Flag(help: "Make results anew that are there already.")
    var overwrite = false

    @Flag(help: "Do not restore photographs that are nearly sharp, as 'inspect' tells: they are copied, byte for byte where the format is the same.")
    var onlyIfBlurred = false

    @Flag(help: "Begin anew where an earlier run was interrupted, and keep nothing for a later one.")
    var noResume = false

    @Option(help: ArgumentHelp("Where interrupted restorations are kept. (default: ~/.cache/deblurdiff/unfinished)", valueName: "folder"))
    var stateDir: String?

    @Option(help: ArgumentHelp("Write what became of each photograph, a line of JSON each.", valueName: "file.jsonl"))
    var manifest: String?

    @Option(help: ArgumentHelp("Write each stage's tensors to a safetensors file.", valueName: "file"))
    var record: String?

    @Option(help: ArgumentHelp("Write the photograph, what the predicted kernels make of it at four steps, and the result, in one picture.", valueName: "file"))
    var contactSheet: String?

    @Option(
        help: ArgumentHelp(
            "Write what the kernels say of the blur: its direction as hue (to the right red, down yellow-green, left cyan, up violet), its spread as brightness.",
            valueName: "file"))
    var blurMap: String?

    @Option(help: ArgumentHelp("Write kernels at places spread over the photograph: red above zero, blue below.", valueName: "file"))
    var kernels: String?

    @Option(help: ArgumentHelp("Every so many steps write what the result would be now, beside it as NAME.preview.png until it is done.", valueName: "n"))
    var preview: Int?

    @Option(help: ArgumentHelp("Where previews go, one over the other.", valueName: "file"))
    var previewFile: String?

    @Flag(help: "Previews as small as the latent, without the decoder, in no time.")
    var fastPreview = false

    @Flag(help: "Neither use nor keep packed weights of a large model for later runs; see 'pack'.")
    var noPackCache = false

    var packedFolder: String? { noPackCache ? nil : PackedFolder.standard }

    @Option(help: "Progress on standard error: auto for bars on a terminal and a line now and then elsewhere, json for lines of JSON, or none.")
    var progress = ProgressStyle.auto

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    @OptionGroup var reading: ReadingFlags

    @OptionGroup var writing: WritingFlags

    @OptionGroup var runtime: RuntimeFlags

    @OptionGroup var memory: MemoryFlags

    func validate() throws {
        guard jobs == nil || images.count <= 1 && output == nil && record == nil && manifest == nil && nSamples == 1 else {
            throw ValidationError("With --jobs the lines name images and outputs, and there is no --record, no --manifest and no --n-samples.")
        }
        guard (1...1000).contains(nSamples) else { throw ValidationError("--n-samples must be 1 to 1000, not \(nSamples).") }
        guard nSamples == 1 || (output != "-" && output != "/dev/stdout") else { throw ValidationError("--n-samples writes files; name one with --output.") }
        guard jobs != nil || output != nil else { throw ValidationError("Say where to write, with --output.") }
        guard !images.contains("-") || images.filter({ !$0.hasSuffix(".safetensors") }) == ["-"] else {
            throw ValidationError("Standard input, -, is a single image; name no others with it.")
        }
        guard !images.contains(""), output != "", jobs != "", record != "", manifest != "", stateDir != "" else { throw ValidationError("A path is empty.") }
        guard !onlyIfBlurred || record == nil && views.isEmpty else {
            throw ValidationError("--only-if-blurred does not go together with --record and pictures that explain.")
        }
        if let preview, preview < 1 { throw ValidationError("--preview must be positive.") }
        guard record == nil || views.isEmpty else { throw ValidationError("--record does not go together with pictures that explain.") }
        guard preview != nil || previewFile == nil && !fastPreview else { throw ValidationError("--preview-file and --fast-preview need --preview N.") }
        guard !(noResume && stateDir != nil) else { throw ValidationError("--state-dir is of no use with --no-resume.") }
    }

    func run() throws {
        var images = images
        let named = try source.named(before: &images)
        let path = try named ?? defaultModel()
        if let jobs {
            guard images.isEmpty else { throw ValidationError("With --jobs the lines name the images.") }
            return try JobsRun(command: self, model: path).run(jobs)
        }
        guard !images.isEmpty else { throw ValidationError("Name at least one image or folder.") }
        try restore(try list(images, model: path), model: path)
    }

    /// - Throws: an error where photographs could not be restored, after all others were.
    func restore(_ list: PhotoList, model path: String) throws {
        let count = list.jobs.count
        guard record == nil || count == 1 else { throw InputError("records one image only", at: "--record") }
        if let view = views.first, count > 1 { throw InputError("shows one image only", at: "--\(view.view.name)") }
        let progress = ProgressReporter(quiet: quiet, style: progress)
        defer { progress.clear() }
        for remark in list.remarks { progress.finish(remark) }
        // A model is large; tell what is wrong with a single image before it is opened.
        let single = count == 1 ? try ReadPhoto(list.jobs[0], limits: reading.limits, stripsMetadata: writing.stripMetadata) : nil
        let model = try runtime.openModel(path, restoration.preset, cleaner: front.load(), packedFolder: packedFolder)
        let recorder = record.map { _ in Recorder() }
        let interruption = InterruptionSignals.handle()
        let settings = try settings(for: model)
        let reporter = RunReporter(progress, model: model, count: count, interruption: interruption, keepsResults: settings.keepsResults)
        reporter.tell(try plan(list.jobs, model: model, settings: settings) { progress.finish(PlanCommand.measuring) })
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
        model.packed.map(progress.waitForPackedWeights)
        if let record, let recorder, reporter.reports[0].state == .done {
            try recorder.write(record)
            progress.finish("Wrote \(record): \(recorder.tensors.count) tensors.")
        }
        if let error = reporter.failure { throw error }
    }

    private var views: [(view: any RestorationView, path: String)] {
        let paths = ["contact-sheet": contactSheet, "blur-map": blurMap, "kernels": kernels]
        return RestorationViews.all.compactMap { view in (paths[view.name] ?? nil).map { (view, $0) } }
    }

    /// What is to be restored; `-` are the standard streams.
    private func list(_ images: [String], model: String) throws -> PhotoList {
        let output = output == "-" ? "/dev/stdout" : output!
        if output == "/dev/stdout", isatty(STDOUT_FILENO) == 1 {
            throw InputError("is a terminal, which shows no pictures", at: "standard output", advice: "Send it to a file or another program, or name a file.")
        }
        let writes = [record, manifest, previewFile].compactMap { $0 } + views.map(\.path)
        guard images == ["-"] else {
            return try PhotoList(
                inputs: images, output: output, format: writing.codec, samples: nSamples, writes: writes, reads: [model] + (front.cleaner.map { [$0] } ?? []))
        }
        let name = "standard input"
        return try PhotoList(
            streamed: StreamedFile(STDIN_FILENO, name: name), name: name, output: output, format: writing.codec, samples: nSamples, writes: writes,
            reads: [model])
    }

    /// Of the photographs whose results are not there. Measuring takes some seconds, which only pays where the work is longer.
    private func plan(
        _ jobs: [PhotoJob], model: DeblurDiffModel, settings: RestorationSettings, willMeasure: () -> Void
    ) throws -> WorkPlan {
        let new = jobs.filter { !settings.keepsResults || FileStatus($0.output)?.kind != S_IFREG }
        return try WorkPlan(new, model: model, settings: settings, measuring: .above(seconds: 20), since: DeblurDiffCommand.start, willMeasure: willMeasure)
    }

    func settings(for model: DeblurDiffModel) throws -> RestorationSettings {
        var settings = RestorationSettings(
            restoration: try restoration.options(for: model.configuration), program: DeblurDiffCommand.program)
        settings.limits = reading.limits
        settings.memoryLimit = memory.maxMemory?.byteCount
        settings.writing = writing.options
        settings.stripsMetadata = writing.stripMetadata
        if let preview {
            var wanted = RestorationSettings.Preview(everySteps: preview)
            (wanted.path, wanted.isFast) = (previewFile, fastPreview)
            settings.preview = wanted
        }
        settings.views = views
        settings.onlyIfBlurred = onlyIfBlurred
        // A record is of a whole run, and so are views.
        let isWhole = record != nil || !views.isEmpty
        settings.overwrites = overwrite || isWhole
        if !noResume, !isWhole { settings.unfinished = stateDir.map { UnfinishedStore(folder: $0) } ?? .standard }
        return settings
    }
}
