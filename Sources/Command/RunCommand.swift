import ArgumentParser
import DeblurDiff
import Files
import Foundation
import GraphFile
import GraphRuntime
import Images
import Tensors

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Restore blurred photographs.",
        discussion: """
            Takes PNG, JPEG, TIFF, WebP, HEIC and AVIF files and folders of them. One image goes to the file that --output names (or into the folder, if it \
            is one); several go into that folder under their own names. Results are PNG, JPEG, TIFF or WebP by the ending of their names, or as their inputs are (JPEG \
            for HEIC and AVIF). Pictures come out upright. Gray stays gray, 16 bits stay 16; transparency, colour profile, EXIF, XMP and IPTC are carried over, and \
            how the result was made is written into it.
            """)

    @Argument(help: ArgumentHelp("Photographs, or folders with photographs; a model may stand in front of them.", valueName: "image"))
    var images: [String]

    @OptionGroup var source: ModelOption

    @Option(name: [.short, .long], help: ArgumentHelp("Where to write: a file, or a folder.", valueName: "path"))
    var output: String

    @Option(help: "Steps of the sampler, 1 to 1000. (default: the model's own, or 50)")
    var steps: Int?

    @Option(help: "How the sampler goes from step to step: spaced, as the released program, or ddim, which draws no random numbers after the start.")
    var sampler = SamplerName.spaced

    @Option(help: "Seed of the random numbers; its low 32 bits count.")
    var seed: UInt64 = 231

    @Option(
        help: ArgumentHelp(
            "Whether each image begins at the seed, so that its result does not depend on the others, or the seed is set once and the images share one "
                + "stream of numbers, as in the released program.", valueName: "each|once"))
    var seedMode = SeedMode.each

    @Option(help: ArgumentHelp("What the image shows. Needs a model converted with --vocab, unless empty.", valueName: "text"))
    var posPrompt = ""

    @Option(help: ArgumentHelp("What it should not look like; used with --cfg-scale other than 1.", valueName: "text"))
    var negPrompt = "low quality, blurry, low-resolution, noisy, unsharp, weird textures"

    @Option(help: "Classifier-free guidance; 1 is off. Other values double the time.")
    var cfgScale: Float = 1

    @Flag(help: "Start from the image's low frequencies instead of noise alone.")
    var betterStart = false

    @Flag(
        help: """
            Work on overlapping tiles, as the released program does; this bounds memory on large images. For models trained on images of a tile's size, as \
            the released one with the default sizes. The small model that comes with the program loses exposure and colour by it.
            """)
    var tiled = false

    @Option(help: "Side of a tile in pixels, cut down to whole positions of the latent (8 pixels for the released model).")
    var tileSize = 512

    @Option(help: "Distance from tile to tile in pixels, cut down likewise.")
    var tileStride = 256

    @Option(help: ArgumentHelp("Restoration guidance: how strongly each step is pulled towards the input. Off without it.", valueName: "scale"))
    var gScale: Float?

    @Option(parsing: .unconditional, help: "Restoration guidance acts at timesteps t, 999 first and 0 last, with t + 1 below this. (default: 1001)")
    var gStart: Int?

    @Option(parsing: .unconditional, help: "Restoration guidance acts at timesteps t with t + 1 above this. (default: -1)")
    var gStop: Int?

    @Option(help: "How many times restoration guidance acts at each step. (default: 1)")
    var gRepeat: Int?

    @Option(help: "Factor on the control network's outputs.")
    var strength: Float = 1

    @Option(help: ArgumentHelp("Write each stage's tensors to a safetensors file.", valueName: "file"))
    var record: String?

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    @OptionGroup var reading: ReadingFlags

    @OptionGroup var writing: WritingFlags

    @OptionGroup var runtime: RuntimeFlags

    func validate() throws {
        guard !images.contains(""), !output.isEmpty, record != "" else { throw ValidationError("A path is empty.") }
        if let steps, !(1...1000).contains(steps) { throw ValidationError("--steps must be 1 to 1000, not \(steps).") }
        for (name, value) in [("--cfg-scale", cfgScale), ("--strength", strength), ("--g-scale", gScale ?? 0)] where !value.isFinite {
            throw ValidationError("\(name) must be a number, not \(value).")
        }
        guard gScale != nil || (gStart == nil && gStop == nil && gRepeat == nil) else {
            throw ValidationError("--g-start, --g-stop and --g-repeat need --g-scale.")
        }
        guard !(tiled && gScale != nil) else { throw ValidationError("--g-scale is not available together with --tiled.") }
        guard tileSize > 0, tileStride > 0 else { throw ValidationError("--tile-size and --tile-stride must be positive.") }
    }

    func run() throws {
        var images = images
        let named = try source.named(before: &images)
        guard !images.isEmpty else { throw ValidationError("Name at least one image or folder.") }
        let path = try named ?? ShippedModel.path()
        let jobs = try PhotoJobs(inputs: images, output: output, format: writing.codec, writes: [record].compactMap { $0 }, reads: [path])
        guard record == nil || jobs.all.count == 1 else { throw InputError("records one image only", at: "--record") }
        // A model is large; tell what is wrong with a single image before it is opened.
        let progress = ProgressReporter(quiet: quiet)
        defer { progress.clear() }
        let single = jobs.all.count == 1 ? try read(jobs.all[0], progress) : nil
        for remark in jobs.remarks { progress.finish(remark) }
        let recorder = record.map { _ in Recorder() }
        var name = ""
        if named == nil { progress.finish("Restoring with \(path).") }
        let opened = try DeblurDiffModel(path: path, options: runtime.makeOptions(), optimization: runtime.optimization.options)
        let restoration = restorationOptions(for: opened.configuration)
        let written = record(of: opened)
        let restorer = try Restorer(
            model: opened, options: restoration, keepsDenoiser: jobs.all.count > 1, recorder: recorder,
            progress: { progress.restoration(name, $0) })
        try jobs.prepareFolder()

        var failureCount = 0
        var size = (0, 0)
        for job in jobs.all {
            name = FilePath.name(of: job.input)
            do {
                let photo = try single ?? read(job, progress)
                if (photo.width, photo.height) != size {
                    try tellCost(of: photo, opened, restoration, progress)
                    size = (photo.width, photo.height)
                }
                let start = ContinuousClock.now
                let restored = try photo.restored(restorer.restore(photo.planes()))
                try writing.prepare(restored, written).write(job.output, as: job.format, options: writing.options)
                let seconds = start.duration(to: .now) / .seconds(1)
                progress.finish("Wrote \(job.output): \(photo.width) x \(photo.height), \(formatDuration(seconds)).")
            } catch {
                guard jobs.all.count > 1 else { throw error }
                progress.report(error)
                failureCount += 1
            }
        }
        if let record, let recorder {
            try recorder.write(record)
            progress.finish("Wrote \(record): \(recorder.tensors.count) tensors.")
        }
        if failureCount > 0 {
            let others = failureCount < jobs.all.count ? "; the others were written" : ""
            throw InputError("\(failureCount) of \(jobs.all.count) images could not be restored\(others)")
        }
    }

    /// Reads a photograph, and says what will be lost of it.
    private func read(_ job: PhotoJobs.Job, _ progress: ProgressReporter) throws -> Photo {
        let photo = try Photo(reading: job.input, limits: reading.limits) { progress.warn("\(job.input): \($0).") }
        do { try job.format.checkSize(width: photo.width, height: photo.height) } catch let error as InputError { throw error.at(job.output) }
        let kept = writing.stripMetadata ? photo.withMetadata(photo.metadata.stripped) : photo
        for loss in job.format.losses(of: kept) { progress.warn("\(job.output): \(loss).") }
        return photo
    }

    /// What is written into the results, to make them again.
    private func record(of model: DeblurDiffModel) -> RestorationRecord {
        var options = ["--steps \(restorationOptions(for: model.configuration).steps)"]
        func add(_ name: String, _ value: some Any, unless isDefault: Bool) { if !isDefault { options.append("\(name) \(value)") } }
        func quoted(_ text: String) -> String { "'" + text.replacingOccurrences(of: "'", with: "'\\''") + "'" }
        add("--sampler", sampler.rawValue, unless: sampler == .spaced)
        add("--seed-mode", seedMode.rawValue, unless: seedMode == .each)
        add("--pos-prompt", quoted(posPrompt), unless: posPrompt.isEmpty)
        add("--neg-prompt", quoted(negPrompt), unless: cfgScale == 1)
        add("--cfg-scale", cfgScale, unless: cfgScale == 1)
        add("--strength", strength, unless: strength == 1)
        if betterStart { options.append("--better-start") }
        if tiled { options.append("--tiled --tile-size \(tileSize) --tile-stride \(tileStride)") }
        if let gScale {
            options.append("--g-scale \(gScale)")
            add("--g-start", gStart ?? 0, unless: gStart == nil)
            add("--g-stop", gStop ?? 0, unless: gStop == nil)
            add("--g-repeat", gRepeat ?? 1, unless: gRepeat == nil)
        }
        add("--precision", runtime.precision.rawValue, unless: runtime.precision == .float32)
        add("-O", runtime.optimization.level.name.dropFirst(), unless: runtime.optimization.level == .standard)
        add("--memory", runtime.memory.rawValue, unless: runtime.memory == .standard)
        // Others round otherwise.
        add("--isa", InstructionSet.current.rawValue, unless: false)
        return RestorationRecord(
            program: "deblurdiff \(DeblurDiffCommand.version)", model: FilePath.name(of: model.file.path), modelDigest: model.file.digest,
            seed: seed & 0xffff_ffff, options: options.joined(separator: " "))
    }

    /// Says what a photograph will take where that is much, before anything runs; throws where it is too much.
    private func tellCost(of photo: Photo, _ model: DeblurDiffModel, _ options: RestorationOptions, _ progress: ProgressReporter) throws {
        let cost = try model.checkedCost(of: options, height: photo.height, width: photo.width)
        // Less than this is done in no time on any machine, and not worth measuring it.
        guard cost.floatingPointOperations > 1e12 else { return }
        let seconds = cost.seconds(MachineLimits.measure(model.options.pool), precision: model.options.precision)
        let size = "\(photo.width) x \(photo.height) pixels take about \(formatDuration(seconds)) and \(formatBytes(cost.peakByteCount)) of memory"
        if seconds > 3600 {
            let narrow = runtime.precision == .float32 ? "--precision bfloat16 and " : ""
            progress.warn("\(size). Fewer --steps, \(narrow)smaller images take less time.")
        } else if seconds > 60 {
            progress.finish("\(size).")
        }
    }

    private func restorationOptions(for configuration: ModelConfiguration) -> RestorationOptions {
        var options = RestorationOptions(defaultsOf: configuration)
        if let steps { options.steps = steps }
        options.sampler = sampler
        options.seed = seed
        options.seedMode = seedMode
        options.positivePrompt = .text(posPrompt)
        options.negativePrompt = .text(negPrompt)
        options.guidanceScale = cfgScale
        options.betterStart = betterStart
        options.tiled = tiled
        options.tileSize = tileSize
        options.tileStride = tileStride
        options.strength = strength
        if let gScale {
            var guidance = RestorationGuidance(scale: gScale)
            guidance.start = gStart ?? guidance.start
            guidance.stop = gStop ?? guidance.stop
            guidance.repetitions = gRepeat ?? guidance.repetitions
            options.restorationGuidance = guidance
        }
        return options
    }
}

extension SeedMode: ExpressibleByArgument {}
extension SamplerName: ExpressibleByArgument {}
