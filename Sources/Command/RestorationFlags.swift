import ArgumentParser
import DeblurDiff

/// How photographs are restored: the options of every command that restores, or plans to.
struct RestorationFlags: ParsableArguments {
    @Option(
        help:
            "How much is given up for time: sampler, steps, what is left out of them, and precision, but for those that are named. See 'deblurdiff help steps'."
    )
    var preset: RestorationPreset?

    @Option(help: "Steps of the sampler, 1 to 1000: evaluations of the networks, so that time is proportional to them. (default: the model's own, or 50)")
    var steps: Int?

    @Option(
        help:
            "How the sampler goes from step to step: spaced as the released program. 'deblurdiff help samplers' says which is for what. (default: the preset's, or spaced)"
    )
    var sampler: SamplerChoice?

    @Option(
        help: "Which levels of noise the steps visit: even as the released program; see 'deblurdiff help samplers'. (default: the preset's, or even)")
    var spacing: TimestepSpacing?

    @Option(help: ArgumentHelp("The timesteps themselves, falling, each 0 to 999, in place of --steps and --spacing.", valueName: "t,t,..."))
    var timesteps: TimestepList?

    @Option(
        help:
            "How much of the noise the sampler draws anew at each step: 0 none, 1 as the diffusion process. For ddim (default: 0), dpm++2m-sde, dpm++3m-sde and euler-a (1)."
    )
    var eta: Double?

    @Option(help: "Seed of the random numbers; its low 32 bits count.")
    var seed: UInt64 = 231

    @Option(
        help: ArgumentHelp(
            "Whether each image begins at the seed (with --rng library), so that its result does not depend on the others, or the seed is set once and the images share one "
                + "stream of numbers, as in the released program.", valueName: "each|once"))
    var seedMode: SeedMode?

    @Option(
        help: ArgumentHelp(
            "Whose random numbers: PyTorch's on a CPU, seeded just before the image; the released program's on a CPU, which builds the model first; or on a GPU. See 'deblurdiff help random-numbers'.",
            valueName: "library|program|cuda"))
    var rng = RandomNumbers.Source.library

    @Option(
        help: ArgumentHelp(
            "How many outputs of the CPU generator are drawn between the seed and the first image. (default: with --rng program or cuda, as many as the released model's)",
            valueName: "n"))
    var rngSkip: UInt64?

    @Option(
        help: ArgumentHelp(
            "The card of --rng cuda, where a photograph is so large that it matters, or how many threads it runs at once.", valueName: "name|threads"))
    var cudaDevice: CUDADevice?

    @Option(help: ArgumentHelp("What the image shows. Needs a model converted with --vocab, unless empty.", valueName: "text"))
    var posPrompt = ""

    @Option(help: ArgumentHelp("What it should not look like; used with --cfg-scale other than 1.", valueName: "text"))
    var negPrompt = "low quality, blurry, low-resolution, noisy, unsharp, weird textures"

    @Option(help: "Classifier-free guidance; 1 is off. Other values double the time.")
    var cfgScale: Float = 1

    @Flag(help: "Let classifier-free guidance grow from 1 at the first step to 1 more than the scale at the last.")
    var rescaleCfg = false

    @Flag(
        inversion: .prefixedNo,
        help: "Start from the image's low frequencies instead of noise alone; with a DiffBIR from the image. (default: the preset's, or not)")
    var betterStart: Bool?

    @OptionGroup var stepFlags: StepFlags

    @Option(
        help: ArgumentHelp("With a DiffBIR: noise in what its control network reads, as much as there is at this timestep, 1 to 999.", valueName: "timestep"))
    var noiseAug = 0

    @Flag(
        help: """
            Work on overlapping tiles, as the released program does; this bounds memory on large images. For models trained on images of a tile's size, as \
            the released one with the default sizes, or with norms of single positions, as the small model that comes with the program.
            """)
    var tiled = false

    @Option(help: "Side of a tile in pixels, cut down to whole positions of the latent (8 pixels for the released model).")
    var tileSize = 512

    @Option(help: "Distance from tile to tile in pixels, cut down likewise. (default: 256; with --tile-blend smooth three quarters of a tile)")
    var tileStride: Int?

    @Option(
        help:
            "How tiles become one image: released, as the released program does it; or smooth, for fewer tiles: only the networks of a step see them, they fade into each other, and where a model has its colours corrected the image gets the photograph's low frequencies. (default: released)"
    )
    var tileBlend: TileBlend?

    @Option(help: ArgumentHelp("Restoration guidance: how strongly each step is pulled towards the input. Off without it.", valueName: "scale"))
    var gScale: Float?

    @Option(
        help: ArgumentHelp(
            "What restoration guidance compares: latents, or images, whose gradient goes back through the decoder: each time that takes about as long as decoding three times. (default: latent)",
            valueName: "latent|rgb"))
    var gSpace: RestorationGuidance.Space?

    @Option(
        help: ArgumentHelp(
            "How restoration guidance compares: mse, the mean squared difference; w_mse, for images, the same with less weight at edges. (default: mse for latents, w_mse for rgb)",
            valueName: "mse|w_mse"))
    var gLoss: RestorationGuidance.Loss?

    @Option(parsing: .unconditional, help: "Restoration guidance acts at timesteps t, 999 first and 0 last, with t + 1 below this. (default: 1001)")
    var gStart: Int?

    @Option(parsing: .unconditional, help: "Restoration guidance acts at timesteps t with t + 1 above this. (default: -1)")
    var gStop: Int?

    @Option(help: "How many times restoration guidance acts at each step. (default: 1)")
    var gRepeat: Int?

    @Option(help: "Factor on the control network's outputs.")
    var strength: Float = 1

    @Option(help: ArgumentHelp("How much of the restored image is in the result, 0 to 1; the rest is the photograph as it was.", valueName: "share"))
    var blend: Float = 1

    func validate() throws {
        guard (0...1).contains(blend) else { throw ValidationError("--blend must be 0 to 1, not \(blend).") }
        if let steps, !(1...1000).contains(steps) { throw ValidationError("--steps must be 1 to 1000, not \(steps).") }
        guard timesteps == nil || (steps == nil && spacing == nil) else { throw ValidationError("--timesteps stands in place of --steps and --spacing.") }
        guard !rescaleCfg || cfgScale > 1 else { throw ValidationError("--rescale-cfg needs a --cfg-scale above 1.") }
        guard (0...999).contains(noiseAug) else { throw ValidationError("--noise-aug must be 0 to 999, not \(noiseAug).") }
        guard cudaDevice == nil || rng == .cuda else { throw ValidationError("--cuda-device is for --rng cuda.") }
        for (name, value) in [("--cfg-scale", cfgScale), ("--strength", strength), ("--g-scale", gScale ?? 0)] where !value.isFinite {
            throw ValidationError("\(name) must be a number, not \(value).")
        }
        guard gScale != nil || (gStart == nil && gStop == nil && gRepeat == nil && gSpace == nil && gLoss == nil) else {
            throw ValidationError("--g-space, --g-loss, --g-start, --g-stop and --g-repeat need --g-scale.")
        }
        guard gLoss != .weighted || gSpace == .rgb else { throw ValidationError("--g-loss w_mse is for --g-space rgb.") }
        guard !(tiled && gScale != nil) else { throw ValidationError("--g-scale is not available together with --tiled.") }
        guard tileSize > 0, tileStride ?? 1 > 0 else { throw ValidationError("--tile-size and --tile-stride must be positive.") }
    }

    func options(for configuration: ModelConfiguration) throws -> RestorationOptions {
        var options = RestorationOptions(defaultsOf: configuration)
        let way = preset?.way(own: options.steps)
        if let way { (options.steps, options.sampler, options.spacing, options.betterStart) = (way.steps, way.sampler, way.spacing, way.betterStart) }
        if let schedule = try stepFlags.stepSchedule?.schedule() { options.steps = schedule.steps }
        if let steps { options.steps = steps }
        if let sampler { options.sampler = sampler }
        if let spacing { options.spacing = spacing }
        if let betterStart { options.betterStart = betterStart }
        if let timesteps {
            options.spacing = .list(timesteps.values)
            options.steps = options.sampler.steps(levels: timesteps.values.count)
        }
        try stepFlags.apply(to: &options, preset: way)
        options.eta = eta
        options.seed = seed
        options.seedMode = seedMode ?? rng.seedMode
        options.randomNumbers.source = rng
        options.randomNumbers.drawn = rngSkip
        options.randomNumbers.deviceThreads = cudaDevice?.threads
        options.positivePrompt = .text(posPrompt)
        options.negativePrompt = .text(negPrompt)
        options.guidanceScale = cfgScale
        options.rescalesGuidance = rescaleCfg
        options.conditionNoise = noiseAug
        options.tiled = tiled
        options.tileSize = tileSize
        options.tileBlend = tileBlend ?? .released
        options.tileStride = tileStride ?? (options.tileBlend == .smooth ? tileSize * 3 / 4 : options.tileStride)
        options.strength = strength
        options.blend = blend
        if let gScale {
            var guidance = RestorationGuidance(scale: gScale, space: gSpace ?? .latent, loss: gLoss)
            guidance.start = gStart ?? guidance.start
            guidance.stop = gStop ?? guidance.stop
            guidance.repetitions = gRepeat ?? guidance.repetitions
            options.restorationGuidance = guidance
        }
        return options
    }
}

/// Timesteps on the command line: `999,850,0`.
struct TimestepList: ExpressibleByArgument {
    var values: [Int]

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard (1...1000).contains(parts.count), !parts.contains(nil) else { return nil }
        values = parts.compactMap(\.self)
    }
}

/// A card by its name, or its threads.
struct CUDADevice: ExpressibleByArgument {
    var threads: Int

    init?(argument: String) {
        let known = RandomNumbers.devices.first { $0.0.lowercased() == argument.lowercased() }?.1
        guard let threads = known ?? Int(argument), threads > 0, threads <= 1 << 24, threads.isMultiple(of: 256) else { return nil }
        self.threads = threads
    }

    static let allValueStrings = RandomNumbers.devices.map(\.0)
}

extension TileBlend: ExpressibleByArgument {}
extension RandomNumbers.Source: ExpressibleByArgument {}

extension TimestepSpacing: ExpressibleByArgument {
    public init?(argument: String) {
        guard let named = TimestepSpacing.named.first(where: { $0.name == argument }) else { return nil }
        self = named.spacing
    }

    public var defaultValueDescription: String { name }
    public static var allValueStrings: [String] { named.map(\.name) }
}

extension SeedMode: ExpressibleByArgument {}
extension RestorationGuidance.Space: ExpressibleByArgument {}
extension RestorationGuidance.Loss: ExpressibleByArgument {}
extension SamplerChoice: ExpressibleByArgument {
    public init?(argument: String) {
        guard let sampler = SamplerChoice.all.first(where: { $0.name == argument }) else { return nil }
        self = sampler
    }

    public var defaultValueDescription: String { name }
    public static var allValueStrings: [String] { all.map(\.name) }
}
