import Files
import Foundation
import GraphRuntime
import Tensors

/// Restores photographs with a model, one after the other: the whole of the paper's algorithm 1.
///
/// A restorer is for one thread at a time; several may share a model.
public final class Restorer {
    public let model: DeblurDiffModel
    public let options: RestorationOptions
    private let session: RestorationSession
    private let progress: ((RestorationProgress) -> Void)?
    private let keepsDenoiser: Bool
    private let prompts: PromptEncoder
    /// Bytes that each program's arena may take, as ``RestorationCost/arenaLimit`` says it: larger ones run strip by strip, to the same bits.
    public var arenaLimit: Int? {
        get { session.arenaLimit }
        set {
            if newValue != session.arenaLimit { denoiser = nil }
            session.arenaLimit = newValue
        }
    }
    private var autoencoder: Autoencoder { Autoencoder(session: session) }
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
    ///   - plain: float32 [1, 3, H, W], sRGB in 0...1.
    ///   - sample: how many samples of the same image come before this one in the stream of random numbers; for ``SeedMode/each``.
    ///   - checkpoint: goes on from there, where an earlier restoration of the same image with the same options was interrupted.
    ///   - preview: shown what the result would be, now and then; the result is the same without.
    ///   - afterStep: given the state after each step; what it throws ends the restoration.
    /// - Returns: planes of the same size, which may leave 0...1 a little.
    /// - Throws: `InputError`, also where numbers become infinite or NaN on the way. An image that fails takes no random numbers from those that follow it.
    public func restore(
        _ plain: Tensor, sample: Int = 0, from checkpoint: SamplerCheckpoint? = nil, preview: RestorationPreview? = nil,
        afterStep: ((SamplerCheckpoint) throws -> Void)? = nil
    ) throws -> Tensor {
        let (height, width) = (plain.shape[2], plain.shape[3])
        let clean = Padding.padded(plain, multiple: model.configuration.imageMultiple)
        var random = try generator ?? options.randomNumbers.generator(seed: options.seed, for: model.configuration)
        try options.randomNumbers.check(latent: autoencoder.latentShape(of: clean).elementCount)
        for _ in 0..<sample { try skipSample(autoencoder.latentShape(of: clean), &random) }
        let meter = WorkMeter(try plannedWork(height: height, width: width), steps: options.steps, report: progress)
        session.meter = meter
        defer { session.releaseProgram() }

        meter.enter(.encodingText)
        let texts = try prompts.contexts()
        meter.enter(.encodingImage)
        let images = try conditionLatents(clean, &random)
        let start = try checkpoint?.z ?? startingLatent(clean, &random)
        guard start.shape == autoencoder.latentShape(of: clean) else { throw InputError("the state to go on from is that of an image of another size") }
        let guidance = try options.restorationGuidance.map { try ImageGuidance($0, autoencoder, clean: clean) }
        meter.enter(.preparing)
        // After the last step there is nothing to predict.
        let predictor = checkpoint?.step == options.steps ? nil : try predictor(texts, images, start.type)
        meter.enter(.sampling)
        let shown = preview.map { preview in previewer(preview, plain, latent: images.positive) }
        let z = try self.sample(start, predictor, guidance, &random, from: checkpoint, preview: shown, afterStep: afterStep)
        if keepsDenoiser { denoiser?.value.forgetConditions() } else { denoiser = nil }
        meter.enter(.decoding)
        let image = blended(try decoded(z, plain), plain)
        if options.seedMode == .once { generator = random }
        meter.finish()
        return image
    }

    /// Draws what a restoration draws, in its order.
    private func skipSample(_ latent: Shape, _ random: inout TorchGenerator) throws {
        let size = latent.elementCount
        if !options.tiled { for _ in 0..<2 { random.skipHostRandn(size) } }
        if options.betterStart {
            let tiles = try options.latentTiles(height: latent[2], width: latent[3], factor: model.configuration.latentFactor)
            for _ in tiles.windows { random.skipHostRandn(latent[1] * tiles.tileHeight * tiles.tileWidth) }
        }
        _ = random.randn(size)
        let zeros = Tensor(TensorType(.float32, latent))
        var sampler = try options.sampler.make(options, model.configuration.process)
        for (index, timestep) in sampler.timesteps.enumerated() {
            if let guidance = options.restorationGuidance, guidance.space == .latent, guidance.isActive(at: timestep) {
                for _ in 0..<guidance.repetitions { random.skipHostRandn(size) }
            }
            _ = sampler.step(zeros, estimate: zeros, step: index, random: &random)
        }
    }

    /// The image of a latent, of the photograph's size and with its colours.
    private func decoded(_ z: Tensor, _ plain: Tensor) throws -> Tensor {
        var image = Padding.crop(try autoencoder.decode(z), height: plain.shape[2], width: plain.shape[3])
        image.withMutableFloats { for index in $0.indices { $0[index] = ($0[index] + 1) / 2 } }
        if model.configuration.colorCorrection == .statistics { ColorFix.apply(to: &image, matching: plain) }
        try session.requireFinite(image, "the colours of the decoded image")
        return image
    }

    /// Mixes with the photograph what would be seen of an image.
    private func blended(_ image: Tensor, _ plain: Tensor) -> Tensor {
        guard options.blend < 1 else { return image }
        var result = image
        plain.withFloats { plain in
            result.withMutableFloats {
                for index in $0.indices { $0[index] = options.blend * min(max($0[index], 0), 1) + (1 - options.blend) * plain[index] }
            }
        }
        return result
    }

    /// What shows a step's estimate of the sharp image's latent.
    private func previewer(_ preview: RestorationPreview, _ plain: Tensor, latent: Tensor) -> (Int, Tensor) throws -> Void {
        let colors = preview.isFast ? LatentColors(latent: latent, image: plain, factor: model.configuration.latentFactor) : nil
        return { step, estimate in
            guard step.isMultiple(of: preview.everySteps), step < self.options.steps else { return }
            if let colors { return try preview.show(step, colors.image(estimate)) }
            try preview.show(step, self.blended(self.picture(of: estimate, plain), plain))
        }
    }

    /// What a latent looks like, beside the planned work.
    ///
    /// - Parameters:
    ///   - latent: float32 [1, C, h, w], of the padded photograph.
    ///   - plain: the photograph as ``restore(_:from:preview:afterStep:)`` takes it, whose size and colours it gets.
    public func picture(of latent: Tensor, _ plain: Tensor) throws -> Tensor {
        let meter = session.meter
        defer { session.meter = meter }
        session.meter = WorkMeter(RestorationWork(), steps: 0, report: nil)
        session.meter.enter(.decoding)
        return try decoded(latent, plain)
    }

    /// The blurred image's latents: for the condition, and for the one that guidance leads away from.
    private func conditionLatents(_ clean: Tensor, _ random: inout TorchGenerator) throws -> (positive: Tensor, negative: Tensor) {
        if options.tiled {
            let image = try autoencoder.tiledEncoding(clean) { autoencoder.meanLatent($0) }
            return (image, image)
        }
        let moments = try autoencoder.encode(clean)
        let positive = autoencoder.sampleLatent(moments, &random)
        session.recorder?.record("vae_moments", moments)
        // The second draw moves the generator also when nobody uses it.
        if options.isGuided { return (positive, autoencoder.sampleLatent(moments, &random)) }
        random.skipHostRandn(positive.type.elementCount)
        return (positive, positive)
    }

    /// What the sampler starts from: noise, or the image's low frequencies with noise.
    private func startingLatent(_ clean: Tensor, _ random: inout TorchGenerator) throws -> Tensor {
        let shape = autoencoder.latentShape(of: clean)
        guard options.betterStart else { return random.randn(shape) }
        let coarse = try autoencoder.tiledEncoding(LowFrequencies.of(clean)) { autoencoder.sampleLatent($0, &random) }
        let noise = random.randn(shape.elementCount)
        let sampler = try options.sampler.make(options, model.configuration.process)
        let first = sampler.schedule.alphasCumulative[sampler.timesteps[0]]
        let (signal, deviation) = (Float(first.squareRoot()), Float((1 - first).squareRoot()))
        return Tensor(zip(coarse.floatArray, noise).map { signal * $0 + deviation * $1 }, shape: shape)
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
                arenaLimit: session.arenaLimit)
            denoiser = (tile, value)
        }
        session.meter.packed()
        let networks = denoiser!.value
        func guided(_ window: TileWindows.Window?) throws -> any NoisePredictor {
            func network(_ text: Tensor, _ image: Tensor) throws -> NetworkPredictor {
                try NetworkPredictor(networks, Condition(context: text, image: window.map(image.cut) ?? image), session: session)
            }
            let positive = try network(texts.positive, images.positive)
            guard let negative = texts.negative else { return positive }
            return GuidedPredictor(
                positive: positive, negative: try network(negative, images.negative), scale: options.guidanceScale, session: session)
        }
        guard options.tiled else { return try guided(nil) }
        return TiledPredictor(tiles: tiles, predictors: try tiles.windows.map(guided))
    }

    /// From the starting latent to the restored one, step by step.
    private func sample(
        _ start: consuming Tensor, _ predictor: (any NoisePredictor)?, _ guidance: ImageGuidance?, _ random: inout TorchGenerator,
        from checkpoint: SamplerCheckpoint?, preview: ((_ step: Int, _ estimate: Tensor) throws -> Void)?,
        afterStep: ((SamplerCheckpoint) throws -> Void)?
    ) throws -> Tensor {
        var sampler = try options.sampler.make(options, model.configuration.process)
        let timesteps = sampler.timesteps
        var z = start
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
