import Files
import Foundation
import GraphRuntime
import Tensors

/// Restores photographs with a model, one after the other: the whole of the paper's algorithm 1, or what another system has in its place.
///
/// A restorer is for one thread at a time; several may share a model.
public final class Restorer {
    public let model: DeblurDiffModel
    public let options: RestorationOptions
    private let session: RestorationSession
    private let progress: ((RestorationProgress) -> Void)?
    private let keepsDenoiser: Bool
    private let prompts: PromptEncoder
    /// As ``RestorationCost/arenaLimits`` says it.
    public var arenaLimits: ArenaLimits? {
        get { session.arenaLimits }
        set {
            if newValue != session.arenaLimits { denoiser = nil }
            session.arenaLimits = newValue
        }
    }
    private var autoencoder: Autoencoder { Autoencoder(session: session) }
    private var design: any SystemDesign { model.configuration.system.design }
    /// What a cleaner made of the last photograph.
    private var seen: Tensor?
    /// For the last size of latents.
    private var denoiser: (latent: TensorType, value: Denoiser)?
    /// Where the stream of random numbers stands, with ``SeedMode/once``.
    private var generator: TorchGenerator?

    /// - `keepsDenoiser`: the denoiser's weights stay in memory while an image is decoded, for another image of its size.
    /// - `observation`: asked for an observer of each program that is about to run; for profiles.
    /// - `isCancelled`: asked after each kernel; where it says so, ``restore(_:height:width:)`` throws `CancellationError`.
    /// - Throws: an `InputError` for options that do not fit the model, and for prompts that it cannot take.
    public init(
        model: DeblurDiffModel, options: RestorationOptions, keepsDenoiser: Bool = false, recorder: Recorder? = nil,
        observation: ((_ program: Program, _ name: String) -> (Program.StepReport) throws -> Void)? = nil,
        isCancelled: @escaping () -> Bool = { false }, progress: ((RestorationProgress) -> Void)? = nil
    ) throws {
        try options.validate(for: model.configuration)
        if let schedule = options.schedule {
            guard recorder == nil else {
                throw InputError(
                    "leaves out what is to be recorded or shown", at: "`stepSchedule`", advice: "Records, and pictures that explain, are of exact runs.")
            }
            guard !schedule.reuses || model.optimization.level >= .o1 else {
                throw InputError("cannot keep parts of a step that runs as imported", at: "`stepSchedule`", advice: "Take -O1.")
            }
        }
        self.model = model
        self.options = options
        self.keepsDenoiser = keepsDenoiser
        self.progress = progress
        let runner = ProgramRunner(observation: observation, isCancelled: isCancelled)
        session = RestorationSession(model, options, recorder: recorder, runner: runner)
        prompts = try PromptEncoder(session)
    }

    /// What the restoration of an image of this size will compute, phase by phase; less what is kept from images before it.
    ///
    /// - Throws: `InputError` where the networks cannot take the size.
    public func plannedWork(height: Int, width: Int) throws -> RestorationWork {
        let plan = try model.plan(of: options, height: height, width: width)
        return plan.work(prompts: prompts.newCount, preparesDenoiser: denoiser?.latent != plan.latent)
    }

    /// - `pixels`: interleaved RGB, 8 bit.
    /// - Returns: the restored pixels, of the same size, cut off as the released program does.
    public func restore(_ pixels: [UInt8], height: Int, width: Int) throws -> [UInt8] {
        ColorFix.truncate(try restore(Padding.planes(rgb: pixels, height: height, width: width, multiple: 1)))
    }

    /// - Parameters:
    ///   - plain: float32 [1, 3, H, W], sRGB in 0...1. Asked for when it is needed, more than once, and not kept: of a large photograph it takes much memory.
    ///   - sample: how many samples of the same image come before this one in the stream of random numbers; for ``SeedMode/each``.
    ///   - checkpoint: goes on from there, where an earlier restoration of the same image with the same options was interrupted.
    ///   - preview: shown what the result would be, now and then; the result is the same without.
    ///   - afterStep: given the state after each step; what it throws ends the restoration.
    /// - Returns: planes of the same size, which may leave 0...1 a little.
    /// - Throws: `InputError`, also where numbers become infinite or NaN on the way. An image that fails takes no random numbers from those that follow it.
    public func restore(
        _ plain: @escaping @autoclosure () throws -> Tensor, sample: Int = 0, from checkpoint: SamplerCheckpoint? = nil, preview: RestorationPreview? = nil,
        afterStep: ((SamplerCheckpoint) throws -> Void)? = nil
    ) throws -> Tensor {
        var first: Tensor? = try plain()
        let (height, width) = (first!.shape[2], first!.shape[3])
        if preview?.isFast == true, design.condition == .pixels {
            throw InputError("fast previews are made of the photograph's latent, which a \(design.title) has not", advice: "Take previews that are decoded.")
        }
        var random = try generator ?? options.randomNumbers.generator(seed: options.seed, for: model.configuration)
        let latent = model.latentType(ofImage: height, width).shape
        try options.randomNumbers.check(latent: latent.elementCount)
        for _ in 0..<sample { try skipSample(latent, &random) }
        let meter = WorkMeter(try plannedWork(height: height, width: width), steps: options.steps, report: progress)
        session.meter = meter
        defer { session.releaseProgram() }

        session.enter(.encodingText)
        let texts = try prompts.contexts()
        session.enter(.encodingImage)
        var beginning: Beginning? = try self.beginning(first.take()!, checkpoint, preview, plain, &random)
        guard beginning!.start.shape == latent else { throw InputError("the state to go on from is that of an image of another size") }
        session.enter(.preparing)
        // After the last step there is nothing to predict.
        var predictor = checkpoint?.step == options.steps ? nil : try predictor(texts, beginning!.images, beginning!.start.type)
        session.enter(.sampling)
        var z: Tensor? = try self.sample(beginning.take()!, predictor, &random, from: checkpoint, afterStep: afterStep)
        predictor = nil
        if keepsDenoiser { denoiser?.value.forgetConditions() } else { denoiser = nil }
        session.enter(.decoding)
        let image = try blended(decoded(z.take()!, plain, height: height, width: width), plain)
        if options.seedMode == .once { generator = random }
        meter.finish()
        return image
    }

    /// What a restoration makes of the photograph before the sampler begins.
    private struct Beginning {
        /// For the condition, and for the one that guidance leads away from.
        var images: (positive: Tensor, negative: Tensor)
        var start: Tensor
        var guidance: ImageGuidance?
        var preview: ((_ step: Int, _ estimate: Tensor) throws -> Void)?
    }

    private func beginning(
        _ image: consuming Tensor, _ checkpoint: SamplerCheckpoint?, _ preview: RestorationPreview?, _ plain: @escaping () throws -> Tensor,
        _ random: inout TorchGenerator
    ) throws -> Beginning {
        let (height, width) = (image.shape[2], image.shape[3])
        var seen: Tensor? = try working(consume image)
        self.seen = model.cleaner == nil ? nil : seen
        let clean = Padding.padded(seen!, multiple: model.configuration.imageMultiple)
        if preview?.isFast != true { seen = nil }
        var images = try conditions(clean, &random)
        // What is drawn behind the start needs it drawn.
        let drawn = try checkpoint == nil || options.conditionNoise > 0 ? startingLatent(clean, images.positive, &random) : nil
        if options.conditionNoise > 0 {
            images.positive = try noised(images.positive, timestep: options.conditionNoise, &random)
            images.negative = images.positive
        }
        return Beginning(
            images: images, start: checkpoint?.z ?? drawn!, guidance: try options.restorationGuidance.map { try ImageGuidance($0, autoencoder, clean: clean) },
            preview: preview.map { previewer($0, plain, height: height, width: width, colors: seen.map { fastColors(images.positive, $0) }) })
    }

    private func fastColors(_ latent: Tensor, _ seen: Tensor) -> LatentColors {
        LatentColors(latent: latent, image: seen, factor: model.configuration.latentFactor)
    }

    /// Draws what a restoration draws, in its order.
    private func skipSample(_ latent: Shape, _ random: inout TorchGenerator) throws {
        let size = latent.elementCount
        if !options.tilesAutoencoder, design.condition == .drawnLatent { for _ in 0..<2 { random.skipHostRandn(size) } }
        if options.betterStart, !design.startsFromCondition {
            let tiles = try options.autoencoderTiles(height: latent[2], width: latent[3], factor: model.configuration.latentFactor)
            for _ in tiles.windows { random.skipHostRandn(latent[1] * tiles.tileHeight * tiles.tileWidth) }
        }
        for _ in 0..<(options.conditionNoise > 0 ? 2 : 1) { _ = random.randn(size) }
        let zeros = Tensor(TensorType(.float32, latent))
        var sampler = try options.sampler.make(options, model.configuration.process)
        for (index, timestep) in sampler.timesteps.enumerated() {
            if let guidance = options.restorationGuidance, guidance.space == .latent, guidance.isActive(at: timestep) {
                for _ in 0..<guidance.repetitions { random.skipHostRandn(size) }
            }
            _ = sampler.step(zeros, estimate: zeros, step: index, random: &random)
        }
    }

    /// What the networks see of a photograph.
    private func working(_ plain: Tensor) throws -> Tensor {
        let size = model.configuration.workingSize(height: plain.shape[2], width: plain.shape[3])
        func enlarged(_ image: Tensor) -> Tensor { Resampling.resized(image, height: size.height, width: size.width) }
        guard let cleaner = model.cleaner else { return enlarged(plain) }
        let image = try enlarged(cleaned(cleaner.scale > 1 ? plain : enlarged(plain), by: cleaner))
        try session.requireFinite(image, "the cleaner")
        session.recorder?.record("cleaned", image)
        return image
    }

    /// - Returns: [1, 3, H, W], larger by the cleaner's scale.
    private func cleaned(_ image: Tensor, by cleaner: Cleaner) throws -> Tensor {
        let (height, width) = (image.shape[2], image.shape[3])
        let tiles = try cleaner.tiles(height: height, width: width)
        let padded = Padding.padded(image, height: tiles.height, width: tiles.width)
        func clean(_ image: Tensor) throws -> Tensor { try session.run(Cleaner.graphName, ["image": image])["image"]! }
        let result: Tensor
        if tiles.windows.count == 1 {
            result = try clean(padded)
        } else {
            let large = tiles.scaled(by: cleaner.scale)
            var blender = TileBlender(channels: 3, tiles: large)
            for (window, place) in zip(tiles.windows, large.windows) { blender.add(try clean(padded.cut(window)), at: place) }
            result = blender.blended()
        }
        return Padding.crop(result, height: height * cleaner.scale, width: width * cleaner.scale)
    }

    /// The image of a latent, of the photograph's size and with its colours.
    private func decoded(_ z: consuming Tensor, _ plain: () throws -> Tensor, height: Int, width: Int) throws -> Tensor {
        let size = model.configuration.workingSize(height: height, width: width)
        var image = Padding.crop(try autoencoder.decode(consume z), height: size.height, width: size.width)
        image.withMutableFloats { for index in $0.indices { $0[index] = ($0[index] + 1) / 2 } }
        let correction = options.correction(model.configuration)
        if correction != .none { ColorFix.correct(&image, correction, matching: try seen ?? working(try plain())) }
        image = Resampling.resized(image, height: height, width: width)
        try session.requireFinite(image, "the colours of the decoded image")
        return image
    }

    /// Mixes with the photograph what would be seen of an image.
    private func blended(_ image: Tensor, _ plain: () throws -> Tensor) throws -> Tensor {
        guard options.blend < 1 else { return image }
        var result = image
        try plain().withFloats { plain in
            result.withMutableFloats {
                for index in $0.indices { $0[index] = options.blend * min(max($0[index], 0), 1) + (1 - options.blend) * plain[index] }
            }
        }
        return result
    }

    /// What shows a step's estimate of the sharp image's latent.
    private func previewer(_ preview: RestorationPreview, _ plain: @escaping () throws -> Tensor, height: Int, width: Int, colors: LatentColors?)
        -> (Int, Tensor) throws -> Void
    {
        { step, estimate in
            guard step.isMultiple(of: preview.everySteps), step < self.options.steps else { return }
            if let colors { return try preview.show(step, colors.image(estimate)) }
            try preview.show(step, self.blended(self.picture(of: estimate, plain, height: height, width: width), plain))
        }
    }

    /// What a latent looks like, beside the planned work.
    ///
    /// - Parameters:
    ///   - latent: float32 [1, C, h, w], of the padded photograph.
    ///   - plain: the photograph as ``restore(_:sample:from:preview:afterStep:)`` took it last, whose size and colours it gets.
    public func picture(of latent: Tensor, _ plain: Tensor) throws -> Tensor {
        try picture(of: latent, { plain }, height: plain.shape[2], width: plain.shape[3])
    }

    private func picture(of latent: Tensor, _ plain: () throws -> Tensor, height: Int, width: Int) throws -> Tensor {
        try session.aside(.decoding) { try decoded(latent, plain, height: height, width: width) }
    }

    /// What the networks are told of the photograph: for the condition, and for the one that guidance leads away from.
    private func conditions(_ clean: Tensor, _ random: inout TorchGenerator) throws -> (positive: Tensor, negative: Tensor) {
        if design.condition == .pixels { return (clean, clean) }
        let image = autoencoder.input(clean)
        if options.tilesAutoencoder {
            let latent = try autoencoder.tiledEncoding(image) { autoencoder.meanLatent($0) }
            return (latent, latent)
        }
        let moments = try autoencoder.encode(image)
        guard design.condition == .drawnLatent else {
            let latent = autoencoder.meanLatent(moments)
            return (latent, latent)
        }
        let positive = autoencoder.sampleLatent(moments, &random)
        session.recorder?.record("vae_moments", moments)
        // The second draw moves the generator also when nobody uses it.
        if options.isGuided { return (positive, autoencoder.sampleLatent(moments, &random)) }
        random.skipHostRandn(positive.type.elementCount)
        return (positive, positive)
    }

    /// What the sampler starts from: noise, or with it the image's low frequencies or the condition.
    private func startingLatent(_ clean: Tensor, _ condition: Tensor, _ random: inout TorchGenerator) throws -> Tensor {
        let shape = autoencoder.latentShape(of: clean)
        guard options.betterStart else { return random.randn(shape) }
        let coarse =
            try design.startsFromCondition
            ? condition : autoencoder.tiledEncoding(autoencoder.input(LowFrequencies.of(clean))) { autoencoder.sampleLatent($0, &random) }
        return try noised(coarse, timestep: options.sampler.make(options, model.configuration.process).timesteps[0], &random)
    }

    /// A latent with as much noise as there is at a timestep.
    private func noised(_ latent: Tensor, timestep: Int, _ random: inout TorchGenerator) throws -> Tensor {
        let noise = random.randn(latent.type.elementCount)
        let share = model.configuration.process.alphasCumulative[timestep]
        let (signal, deviation) = (Float(share.squareRoot()), Float((1 - share).squareRoot()))
        return Tensor(zip(latent.floatArray, noise).map { signal * $0 + deviation * $1 }, shape: latent.shape)
    }

    /// The networks, made ready for a latent and its conditions, with guidance and tiles around them as asked for.
    private func predictor(
        _ texts: (positive: Tensor, negative: Tensor?), _ images: (positive: Tensor, negative: Tensor), _ latent: TensorType
    ) throws -> any NoisePredictor {
        let tiles = try options.latentTiles(height: latent.shape[2], width: latent.shape[3], factor: model.configuration.latentFactor)
        let tile = TensorType(.float32, [1, latent.shape[1], tiles.tileHeight, tiles.tileWidth])
        session.releaseProgram()
        if denoiser?.latent != tile {
            denoiser = nil  // its weights go before the new ones come
            let sampler = try options.sampler.make(options, model.configuration.process)
            let value = try Denoiser(
                model: model, latent: tile, timesteps: sampler.timesteps, strength: options.strength, schedule: options.schedule, runner: session.runner,
                arenaLimit: session.arenaLimits?[.sampling])
            denoiser = (tile, value)
        }
        session.meter.packed()
        let networks = denoiser!.value
        // Where the networks read pixels, their windows are larger.
        let parts = tiles.scaled(by: design.condition == .pixels ? model.configuration.latentFactor : 1).windows
        func guided(_ window: TileWindows.Window?) throws -> any NoisePredictor {
            func network(_ text: Tensor, _ image: Tensor) throws -> NetworkPredictor {
                try NetworkPredictor(networks, Condition(context: text, image: window.map(image.cut) ?? image), session: session)
            }
            let positive = try network(texts.positive, images.positive)
            guard let negative = texts.negative else { return positive }
            return GuidedPredictor(
                positive: positive, negative: try network(negative, images.negative), scale: options.guidanceScale(at:), session: session)
        }
        guard options.tiled else { return try guided(nil) }
        return TiledPredictor(tiles: tiles, blend: options.tileBlend, predictors: try parts.map(guided))
    }

    /// From the starting latent to the restored one, step by step.
    private func sample(
        _ beginning: consuming Beginning, _ predictor: (any NoisePredictor)?, _ random: inout TorchGenerator, from checkpoint: SamplerCheckpoint?,
        afterStep: ((SamplerCheckpoint) throws -> Void)?
    ) throws -> Tensor {
        let (guidance, preview) = (beginning.guidance, beginning.preview)
        var z = (consume beginning).start
        var sampler = try options.sampler.make(options, model.configuration.process)
        let timesteps = sampler.timesteps
        let plan = try denoiser.flatMap { try model.stepPlan(options, latent: $0.latent) }
        var history = plan.map(StepHistory.init)
        if let checkpoint {
            guard (0...timesteps.count).contains(checkpoint.step) else { throw InputError("the state to go on from is that of other options") }
            random = checkpoint.random
            sampler.state = checkpoint.samplerState
            if let plan, let predictor {
                guard let kept = StepHistory(plan, behind: checkpoint.step, tensors: checkpoint.history) else {
                    throw InputError("the state to go on from is that of other options")
                }
                history = kept
                for (index, stages) in plan.replays(behind: checkpoint.step).sorted(by: { $0.key < $1.key }) {
                    try predictor.replay(kept.latents[index]!, SamplerStep(index: index, count: timesteps.count, timestep: timesteps[index]), stages: stages)
                }
            }
            session.meter.skip(steps: checkpoint.step)
        }
        for (index, timestep) in timesteps.enumerated().dropFirst(checkpoint?.step ?? 0) {
            let step = SamplerStep(index: index, count: timesteps.count, timestep: timestep)
            guard let predictor else { break }
            var estimate: Tensor
            if let history, options.schedule?.isForecast(index) == true {
                estimate = history.forecast(index)
            } else {
                let prediction = try predictor.predict(z, step)
                estimate = sampler.estimate(prediction, model.configuration.parameterization, z: z, step: index)
                history?.add(index, z: z, estimate: estimate)
            }
            if let guidance, guidance.options.isActive(at: timestep) {
                let rate = sampler.guidanceRate(scale: guidance.options.scale, step: index)
                try guidance.pull(&estimate, rate: rate, &random)
                try session.requireFinite(estimate, "\(step.place): restoration guidance")
            }
            z = sampler.step(z, estimate: estimate, step: index, random: &random)
            try session.requireFinite(z, "\(step.place): the sampler")
            history?.end(index)
            session.meter.endStep()
            try preview?(index + 1, estimate)
            if let afterStep {
                try afterStep(SamplerCheckpoint(step: index + 1, z: z, random: random, samplerState: sampler.state, history: history?.tensors ?? []))
            }
        }
        return z
    }
}
