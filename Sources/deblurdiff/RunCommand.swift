import ArgumentParser
import Diffusion
import Foundation
import GraphRuntime
import ModelFile
import ModelImport
import Photos
import Tensors

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Restore blurred photographs.",
        discussion: """
            Takes PNG files and folders of them. One image goes to the file that --output names (or into the folder, if it is one); several go \
            into that folder under their own names. Colour profile and transparency are carried over.
            """)

    @Argument(help: ArgumentHelp("PNG files, or folders with PNG files.", valueName: "image"))
    var images: [String]

    @Option(help: ArgumentHelp("The converted model. (default: the one that comes with the program)", valueName: "model"))
    var model: String?

    @Option(name: [.short, .long], help: ArgumentHelp("Where to write: a file, or a folder.", valueName: "path"))
    var output: String

    @Option(help: "Steps of the sampler, 1 to 1000. (default: the model's own, or 50)")
    var steps: Int?

    @Option(help: "Seed of the random numbers.")
    var seed: UInt64 = 231

    @Option(help: ArgumentHelp("What the image shows. Needs a model converted with --vocab, unless empty.", valueName: "text"))
    var posPrompt = ""

    @Option(help: ArgumentHelp("What it should not look like; used with --cfg-scale other than 1.", valueName: "text"))
    var negPrompt = "low quality, blurry, low-resolution, noisy, unsharp, weird textures"

    @Option(help: "Classifier-free guidance; 1 is off. Other values double the time.")
    var cfgScale: Float = 1

    @Flag(help: "Start from the image's low frequencies instead of noise alone.")
    var betterStart = false

    @Flag(help: "Work on overlapping tiles, which bounds memory on large images.")
    var tiled = false

    @Option(help: "Side of a tile in pixels.")
    var tileSize = 512

    @Option(help: "Distance from tile to tile in pixels.")
    var tileStride = 256

    @Option(help: ArgumentHelp("Restoration guidance: how strongly each step is pulled towards the input. Off without it.", valueName: "scale"))
    var gScale: Float?

    @Option(help: "Factor on the control network's outputs.")
    var strength: Float = 1

    @Option(help: ArgumentHelp("Write each stage's tensors to a safetensors file.", valueName: "file"))
    var record: String?

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    @OptionGroup var runtime: RuntimeFlags

    func validate() throws {
        guard !images.isEmpty else { throw ValidationError("Name at least one image or folder.") }
        guard !images.contains(""), !output.isEmpty, model != "", record != "" else { throw ValidationError("A path is empty.") }
        if let steps, !(1...1000).contains(steps) { throw ValidationError("--steps must be 1 to 1000, not \(steps).") }
        for (name, value) in [("--cfg-scale", cfgScale), ("--strength", strength), ("--g-scale", gScale ?? 0)] where !value.isFinite {
            throw ValidationError("\(name) must be a number, not \(value).")
        }
        guard !(tiled && gScale != nil) else { throw ValidationError("--g-scale is not available together with --tiled.") }
        guard tileSize > 0, tileStride > 0 else { throw ValidationError("--tile-size and --tile-stride must be positive.") }
    }

    func run() throws {
        let path = try model ?? ShippedModel.path()
        let jobs = try PhotoJobs(inputs: images, output: output, reads: [path])
        if let record {
            guard jobs.all.count == 1 else { throw InputError("records one image only", at: "--record") }
            guard record != jobs.all[0].output else { throw InputError("is also the --output", at: record) }
            try OutputFile.check(record, reads: [jobs.all[0].input, path])
        }
        // A model is large; tell what is wrong with a single image before it is opened.
        let single = jobs.all.count == 1 ? try Photo(readingPNG: jobs.all[0].input) : nil

        let progress = ProgressReporter(quiet: quiet)
        defer { progress.clear() }
        let recorder = record.map { _ in Recorder() }
        var name = ""
        if model == nil { progress.finish("Restoring with \(path).") }
        let opened = try DeblurDiffModel(path: path, options: runtime.makeOptions(), optimization: runtime.optimization.options)
        let restorer = try Restorer(model: opened, options: restorationOptions(for: opened.configuration), recorder: recorder) {
            progress.restoration(name, $0)
        }
        try jobs.prepareFolder()

        var failureCount = 0
        for (index, job) in jobs.all.enumerated() {
            name = FilePath.name(of: job.input)
            do {
                let photo = try single ?? Photo(readingPNG: job.input)
                let start = ContinuousClock.now
                let pixels = try restorer.restore(
                    photo.pixels, height: photo.height, width: photo.width, isLast: index == jobs.all.count - 1)
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

    private func restorationOptions(for configuration: ModelConfiguration) -> RestorationOptions {
        var options = RestorationOptions(defaultsOf: configuration)
        if let steps { options.steps = steps }
        options.seed = seed
        options.positivePrompt = .text(posPrompt)
        options.negativePrompt = .text(negPrompt)
        options.guidanceScale = cfgScale
        options.betterStart = betterStart
        options.tiled = tiled
        options.tileSize = tileSize
        options.tileStride = tileStride
        options.strength = strength
        options.restorationGuidance = gScale.map { RestorationGuidance(scale: $0) }
        return options
    }
}
