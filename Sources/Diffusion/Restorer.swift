import Foundation
import GraphRuntime
import Tensors

/// Restores photographs with a model: the whole of the paper's algorithm 1.
public final class Restorer {
    public let model: DeblurDiffModel
    public let options: RestorationOptions
    let recorder: Recorder?
    let schedule: NoiseSchedule
    private let progress: ((RestorationProgress) -> Void)?
    private let tokenizer: Tokenizer?
    /// Token ids to context; prompts are encoded once for all photographs.
    private var contexts: [[Int32]: Tensor] = [:]
    /// For the last size of latents.
    var denoiser: (shape: Shape, value: Denoiser)?
    /// Where the stream of random numbers stands, with ``SeedMode/once``.
    private var generator: TorchGenerator?
    /// Of the restoration that is under way.
    var meter = WorkMeter(RestorationWork(), steps: 0, report: nil)

    public init(
        model: DeblurDiffModel, options: RestorationOptions, recorder: Recorder? = nil, progress: ((RestorationProgress) -> Void)? = nil
    ) throws {
        try options.validate(for: model.configuration)
        self.model = model
        self.options = options
        self.recorder = recorder
        self.progress = progress
        schedule = try NoiseSchedule(steps: options.steps)
        tokenizer = try model.file.mergesText.map { try Tokenizer(mergesText: $0) }
        // Known to fail now rather than after the image was read.
        _ = try tokens(options.positivePrompt)
        if isGuided { _ = try tokens(options.negativePrompt) }
    }

    var isGuided: Bool { options.guidanceScale != 1 }
    private var scaleFactor: Float { Float(model.configuration.latentScaleFactor) }

    /// - Parameters:
    ///   - pixels: interleaved RGB, 8 bit.
    ///   - isLast: no other image follows soon, so the denoiser's weights make room before the image is decoded.
    /// - Returns: the restored pixels, of the same size.
    /// - Throws: ``InputError``, also where numbers become infinite or NaN on the way. An image that fails takes no random numbers from those that follow it.
    public func restore(_ pixels: [UInt8], height: Int, width: Int, isLast: Bool = true) throws -> [UInt8] {
        let plain = Padding.planes(rgb: pixels, height: height, width: width, multiple: 1)
        let clean = Padding.planes(rgb: pixels, height: height, width: width, multiple: model.configuration.imageMultiple)
        var random = generator ?? TorchGenerator(seed: options.seed)
        meter = WorkMeter(try plannedWork(height: height, width: width), steps: options.steps, report: progress)

        let conditions = try makeConditions(clean, &random)
        let start = try startingLatent(clean, &random)
        let z = try sample(start, conditions, clean, &random)
        if isLast { denoiser = nil }
        meter.enter(.decoding)
        let decoded = try decode(z)
        model.forgetPrograms("vae_decoder")
        let image = Padding.crop(decoded, height: height, width: width)
        for index in image.floats.indices { image.floats[index] = (image.floats[index] + 1) / 2 }
        ColorFix.apply(to: image, matching: plain)
        try requireFinite(image, "the colours of the decoded image")
        if options.seedMode == .once { generator = random }
        meter.finish()
        return ColorFix.truncate(image)
    }

    // MARK: conditions

    /// What the networks are told beside the noisy latent: the text, and the blurred image's latent.
    struct Condition {
        var context: Tensor
        var image: Tensor
    }

    struct Conditions {
        var positive: Condition
        var negative: Condition?
    }

    private func makeConditions(_ clean: Tensor, _ random: inout TorchGenerator) throws -> Conditions {
        meter.enter(.encodingText)
        let positiveContext = try context(options.positivePrompt)
        var negativeContext: Tensor?
        if isGuided {
            negativeContext = try context(options.negativePrompt)
        } else if recorder != nil, let ids = try? tokens(options.negativePrompt) {
            // The released code encodes it also when it is not used; a record shows it where that is possible.
            _ = try context(.tokens(ids))
        }
        model.forgetPrograms("text_encoder")  // the contexts are kept
        meter.enter(.encodingImage)
        if options.tiled {
            let image = try tiledEncoding(clean) { meanLatent($0) }
            return Conditions(
                positive: Condition(context: positiveContext, image: image),
                negative: negativeContext.map { Condition(context: $0, image: image) })
        }
        let moments = try encode(clean)
        let positive = sampleLatent(moments, &random)
        // The second draw moves the generator also when nobody uses it.
        recorder?.record("vae_moments", moments)
        let negative = sampleLatent(moments, &random)
        return Conditions(
            positive: Condition(context: positiveContext, image: positive),
            negative: negativeContext.map { Condition(context: $0, image: negative) })
    }

    func tokens(_ prompt: Prompt) throws -> [Int32] {
        let length = model.configuration.textEncoder.contextLength
        switch prompt {
        case .tokens(let ids):
            guard ids.count <= length else { throw InputError("\(ids.count) tokens, more than the \(length) that the model takes") }
            return ids + Array(repeating: 0, count: length - ids.count)
        case .text(let text):
            if Tokenizer.isEmpty(text) { return Tokenizer.empty(length) }
            guard let tokenizer else {
                throw InputError(
                    "the prompt \"\(text)\" needs the text encoder's vocabulary, which this model was converted without", at: model.file.path,
                    advice: "Convert the checkpoint again with --vocab bpe_simple_vocab_16e6.txt.gz, or use an empty prompt.")
            }
            return tokenizer.encode(text, contextLength: length)
        }
    }

    /// The prompts that a restoration encodes and that no earlier one has.
    var newPrompts: Set<[Int32]> {
        let prompts = isGuided || recorder != nil ? [options.positivePrompt, options.negativePrompt] : [options.positivePrompt]
        return Set(prompts.compactMap { try? tokens($0) }).subtracting(contexts.keys)
    }

    private func context(_ prompt: Prompt) throws -> Tensor {
        let ids = try tokens(prompt)
        if let known = contexts[ids] { return known }
        let context = try run("text_encoder", ["tokens": Tensor(ids, shape: [1, ids.count])])["context"]!
        try requireFinite(context, "the text encoder")
        recorder?.record("clip_context", context)
        contexts[ids] = context
        return context
    }

    /// Runs the text encoder or a part of the autoencoder.
    private func run(_ name: String, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
        let program = try model.program(name, inputs: inputs.mapValues(\.type))
        meter.packed()
        return try meter.run { try model.run(program, named: name, inputs, progress: $0) }
    }

    // MARK: the autoencoder

    /// The moments of an image's latent: mean and log variance side by side.
    func encode(_ image: Tensor) throws -> Tensor {
        let moments = try run("vae_encoder", ["image": image])["moments"]!
        try requireFinite(moments, "the encoder")
        recorder?.record("vae_moments", moments)
        return moments
    }

    /// `(mean + exp(0.5 clamp(logvar, -30, 20)) randn) * scale factor`
    func sampleLatent(_ moments: Tensor, _ random: inout TorchGenerator) -> Tensor {
        let mean = meanLatent(moments)
        let noise = random.randn(mean.type.elementCount)
        let logVariance = moments.floats[mean.type.elementCount...]
        for (index, value) in zip(mean.floats.indices, logVariance) {
            let deviation = expf(0.5 * min(max(value, -30), 20))
            mean.floats[index] = (moments.floats[index] + deviation * noise[index]) * scaleFactor
        }
        return mean
    }

    private func meanLatent(_ moments: Tensor) -> Tensor {
        let shape = moments.shape
        let result = Tensor(TensorType(.float32, [1, shape[1] / 2, shape[2], shape[3]]))
        for index in result.floats.indices { result.floats[index] = moments.floats[index] * scaleFactor }
        return result
    }

    /// The tiles of a latent; the latent itself is the only one without ``RestorationOptions/tiled``.
    func latentTiles(height: Int, width: Int) throws -> TileWindows {
        guard options.tiled else { return try TileWindows(height: height, width: width, tileSize: .max, tileStride: 1) }
        let factor = model.configuration.latentFactor
        return try TileWindows(height: height, width: width, tileSize: options.tileSize / factor, tileStride: options.tileStride / factor)
    }

    /// Encodes each tile by itself; where tiles overlap the later one stays.
    private func tiledEncoding(_ image: Tensor, _ latent: (_ moments: Tensor) -> Tensor) throws -> Tensor {
        let factor = model.configuration.latentFactor
        let shape: Shape = [1, model.configuration.latentChannels, image.shape[2] / factor, image.shape[3] / factor]
        let result = Tensor(TensorType(.float32, shape))
        let tiles = try latentTiles(height: shape[2], width: shape[3])
        for (window, pixels) in zip(tiles.windows, tiles.scaled(by: factor).windows) {
            latent(try encode(image.cut(pixels))).paste(into: result, at: window)
        }
        return result
    }

    /// What the sampler starts from: noise, or the image's low frequencies with noise.
    private func startingLatent(_ clean: Tensor, _ random: inout TorchGenerator) throws -> Tensor {
        let factor = model.configuration.latentFactor
        let shape: Shape = [1, model.configuration.latentChannels, clean.shape[2] / factor, clean.shape[3] / factor]
        guard options.betterStart else { return Tensor(random.randn(shape.elementCount), shape: shape) }
        let coarse = try tiledEncoding(LowFrequencies.of(clean)) { sampleLatent($0, &random) }
        let noise = random.randn(shape.elementCount)
        let last = schedule.alphasCumulative[NoiseSchedule.trainingSteps - 1]
        let (signal, deviation) = (Float(last.squareRoot()), Float((1 - last).squareRoot()))
        return Tensor(zip(coarse.floatArray, noise).map { signal * $0 + deviation * $1 }, shape: shape)
    }

    private func decode(_ z: Tensor) throws -> Tensor {
        let scaled = z.copy()
        for index in scaled.floats.indices { scaled.floats[index] /= scaleFactor }
        func decode(_ latent: Tensor) throws -> Tensor {
            recorder?.record("z_final_scaled", latent)
            let image = try run("vae_decoder", ["latent": latent])["image"]!
            try requireFinite(image, "the decoder")
            recorder?.record("decoded", image)
            return image
        }
        guard options.tiled else { return try decode(scaled) }
        let tiles = try latentTiles(height: z.shape[2], width: z.shape[3])
        let large = tiles.scaled(by: model.configuration.latentFactor)
        var blender = TileBlender(channels: model.configuration.autoencoder.outChannels, tiles: large)
        for (window, pixels) in zip(tiles.windows, large.windows) { blender.add(try decode(scaled.cut(window)), at: pixels) }
        return blender.blended()
    }
}
