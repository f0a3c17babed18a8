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
            Takes PNG files and folders of them. One image goes to the file that --output names (or into the folder, if it is one); several go \
            into that folder under their own names. Gray pictures stay gray; transparency, colour profile, EXIF, XMP, IPTC and texts are carried over.
            """)

    @Argument(help: ArgumentHelp("PNG files, or folders with PNG files; a model may stand in front of them.", valueName: "image"))
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
        let jobs = try PhotoJobs(inputs: images, output: output, writes: [record].compactMap { $0 }, reads: [path])
        guard record == nil || jobs.all.count == 1 else { throw InputError("records one image only", at: "--record") }
        // A model is large; tell what is wrong with a single image before it is opened.
        let single = jobs.all.count == 1 ? try Photo(readingPNG: jobs.all[0].input) : nil

        let progress = ProgressReporter(quiet: quiet)
        defer { progress.clear() }
        for remark in jobs.remarks { progress.finish(remark) }
        let recorder = record.map { _ in Recorder() }
        var name = ""
        if named == nil { progress.finish("Restoring with \(path).") }
        let opened = try DeblurDiffModel(path: path, options: runtime.makeOptions(), optimization: runtime.optimization.options)
        let restoration = restorationOptions(for: opened.configuration)
        let restorer = try Restorer(
            model: opened, options: restoration, keepsDenoiser: jobs.all.count > 1, recorder: recorder,
            progress: { progress.restoration(name, $0) })
        try jobs.prepareFolder()

        var failureCount = 0
        var size = (0, 0)
        for job in jobs.all {
            name = FilePath.name(of: job.input)
            do {
                let photo = try single ?? Photo(readingPNG: job.input)
                if (photo.width, photo.height) != size {
                    try tellCost(of: photo, opened, restoration, progress)
                    size = (photo.width, photo.height)
                }
                let start = ContinuousClock.now
                let pixels = try restorer.restore(photo.pixels, height: photo.height, width: photo.width)
                try photo.withPixels(pixels).writePNG(job.output)
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
