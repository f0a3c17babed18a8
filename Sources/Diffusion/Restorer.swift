import Foundation
import GraphRuntime
import Tensors

/// Where a restoration stands.
public enum RestorationProgress: Sendable {
    case encodingText
    case encodingImage
    /// A step of the sampler has ended.
    case step(done: Int, of: Int, seconds: Double)
    case decoding
}

/// Restores photographs with a model: the whole of the paper's algorithm 1.
public final class Restorer {
    public let model: DeblurDiffModel
    public let options: RestorationOptions
    private let tokenizer: Tokenizer?
    private let schedule: NoiseSchedule
    private let recorder: Recorder?
    private let progress: ((RestorationProgress) -> Void)?
    /// Token ids to context; prompts are encoded once for all photographs.
    private var contexts: [[Int32]: Tensor] = [:]
    /// For the last size of latents.
    private var denoiser: (shape: Shape, value: Denoiser)?

    public init(
        model: DeblurDiffModel, options: RestorationOptions, recorder: Recorder? = nil, progress: ((RestorationProgress) -> Void)? = nil
    ) throws {
        try options.validate(latentFactor: model.configuration.latentFactor)
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

    private var isGuided: Bool { options.guidanceScale != 1 }
    private var scaleFactor: Float { Float(model.configuration.latentScaleFactor) }

    /// - Parameters:
    ///   - pixels: interleaved RGB, 8 bit.
    ///   - isLast: no other image follows soon, so the denoiser's weights make room before the image is decoded.
    /// - Returns: the restored pixels, of the same size.
    public func restore(_ pixels: [UInt8], height: Int, width: Int, isLast: Bool = true) throws -> [UInt8] {
        let configuration = model.configuration
        let plain = Padding.planes(rgb: pixels, height: height, width: width, multiple: 1)
        let clean = Padding.planes(rgb: pixels, height: height, width: width, multiple: configuration.imageMultiple)
        var random = TorchGenerator(seed: options.seed)

        let conditions = try makeConditions(clean, &random)
        var z = try startingLatent(clean, &random)
        z = try sample(z, conditions, clean, &random)
        if isLast { denoiser = nil }
        progress?(.decoding)
        let decoded = try decode(z)
        model.forgetPrograms("vae_decoder")
        let image = Padding.crop(decoded, height: height, width: width)
        for index in image.floats.indices { image.floats[index] = (image.floats[index] + 1) / 2 }
        ColorFix.apply(to: image, matching: plain)
        return ColorFix.truncate(image)
    }

    // MARK: conditions

    /// What the networks are told beside the noisy latent: the text, and the blurred image's latent.
    private struct Condition {
        var context: Tensor
        var image: Tensor
    }

    private struct Conditions {
        var positive: Condition
        var negative: Condition?
    }

    private func makeConditions(_ clean: Tensor, _ random: inout TorchGenerator) throws -> Conditions {
        progress?(.encodingText)
        let positiveContext = try context(options.positivePrompt)
        var negativeContext: Tensor?
        if isGuided {
            negativeContext = try context(options.negativePrompt)
        } else if recorder != nil, let ids = try? tokens(options.negativePrompt) {
            // The released code encodes it also when it is not used; a record shows it where that is possible.
            _ = try context(.tokens(ids))
        }
        model.forgetPrograms("text_encoder")  // the contexts are kept
        progress?(.encodingImage)
        if options.tiled {
            let image = try tiledEncoding(clean)
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

    private func tokens(_ prompt: Prompt) throws -> [Int32] {
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

    private func context(_ prompt: Prompt) throws -> Tensor {
        let ids = try tokens(prompt)
        if let known = contexts[ids] { return known }
        let input = Tensor(ids, shape: [1, ids.count])
        let program = try model.program("text_encoder", inputs: ["tokens": input.type])
        let context = try model.run(program, named: "text_encoder", ["tokens": input])["context"]!
        recorder?.record("clip_context", context)
        contexts[ids] = context
        return context
    }

    // MARK: the autoencoder

    /// The moments of an image's latent: mean and log variance side by side.
    private func encode(_ image: Tensor) throws -> Tensor {
        let program = try model.program("vae_encoder", inputs: ["image": image.type])
        let moments = try model.run(program, named: "vae_encoder", ["image": image])["moments"]!
        recorder?.record("vae_moments", moments)
        return moments
    }

    /// `(mean + exp(0.5 clamp(logvar, -30, 20)) randn) * scale factor`
    private func sampleLatent(_ moments: Tensor, _ random: inout TorchGenerator) -> Tensor {
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

    private func latentTiles(_ shape: Shape) throws -> TileWindows {
        let factor = model.configuration.latentFactor
        return try TileWindows(
            height: shape[2], width: shape[3], tileSize: options.tileSize / factor, tileStride: options.tileStride / factor)
    }

    /// Each tile's mean; where tiles overlap the later one stays.
    private func tiledEncoding(_ clean: Tensor) throws -> Tensor {
        let factor = model.configuration.latentFactor
        let shape: Shape = [1, model.configuration.latentChannels, clean.shape[2] / factor, clean.shape[3] / factor]
        let result = Tensor(TensorType(.float32, shape))
        for window in try latentTiles(shape).windows {
            let pixels = TileWindows.Window(
                y: window.y * factor, x: window.x * factor, height: window.height * factor, width: window.width * factor)
            paste(meanLatent(try encode(cut(clean, pixels))), into: result, at: window)
        }
        return result
    }

    private func decode(_ z: Tensor) throws -> Tensor {
        let scaled = z.copy()
        for index in scaled.floats.indices { scaled.floats[index] /= scaleFactor }
        func decode(_ latent: Tensor) throws -> Tensor {
            recorder?.record("z_final_scaled", latent)
            let program = try model.program("vae_decoder", inputs: ["latent": latent.type])
            let image = try model.run(program, named: "vae_decoder", ["latent": latent])["image"]!
            recorder?.record("decoded", image)
            return image
        }
        guard options.tiled else { return try decode(scaled) }
        let tiles = try latentTiles(z.shape)
        let large = tiles.scaled(by: model.configuration.latentFactor)
        var blender = TileBlender(channels: model.configuration.autoencoder.outChannels, tiles: large)
        for (window, pixels) in zip(tiles.windows, large.windows) { blender.add(try decode(cut(scaled, window)), at: pixels) }
        return blender.blended()
    }

    // MARK: the sampler

    private func startingLatent(_ clean: Tensor, _ random: inout TorchGenerator) throws -> Tensor {
        let factor = model.configuration.latentFactor
        let shape: Shape = [1, model.configuration.latentChannels, clean.shape[2] / factor, clean.shape[3] / factor]
        guard options.betterStart else { return Tensor(random.randn(shape.elementCount), shape: shape) }
        let coarse = sampleLatent(try encode(LowFrequencies.of(clean)), &random)
        let noise = random.randn(shape.elementCount)
        let last = schedule.alphasCumulative[NoiseSchedule.trainingSteps - 1]
        let (signal, deviation) = (Float(last.squareRoot()), Float((1 - last).squareRoot()))
        return Tensor(zip(coarse.floatArray, noise).map { signal * $0 + deviation * $1 }, shape: shape)
    }

    private func sample(_ start: Tensor, _ conditions: Conditions, _ clean: Tensor, _ random: inout TorchGenerator) throws -> Tensor {
        var z = start
        let guidanceMoments = try options.restorationGuidance.map { _ in try encode(centered(clean)) }
        model.forgetPrograms("vae_encoder")
        let (denoiser, tiles, prepared) = try prepare(conditions, z.shape)
        for index in schedule.timesteps.indices.reversed() {
            let began = DispatchTime.now().uptimeNanoseconds
            let timestep = schedule.timesteps[index]
            let prediction = try predict(z, timestep, denoiser, tiles, prepared)
            let estimate = estimate(of: prediction, z, index)
            if let guidance = options.restorationGuidance, let moments = guidanceMoments,
                guidance.stop < timestep + 1, timestep + 1 < guidance.start
            {
                for _ in 0..<guidance.repetitions {
                    let target = sampleLatent(moments, &random)
                    let size = Float(estimate.type.elementCount)
                    let rate = 3000 * guidance.scale / schedule.c1[index]
                    for i in estimate.floats.indices {
                        estimate.floats[i] += -2 * (estimate.floats[i] - target.floats[i]) / size * rate
                    }
                }
            }
            let (c1, c2) = (schedule.c1[index], schedule.c2[index])
            let noise = random.randn(z.type.elementCount)  // drawn at the last step too
            let deviation = index == 0 ? 0 : schedule.variance[index].squareRoot()
            let next = z.floats.indices.map { c1 * estimate.floats[$0] + c2 * z.floats[$0] + deviation * noise[$0] }
            z = Tensor(next, shape: z.shape)
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - began) * 1e-9
            progress?(.step(done: schedule.timesteps.count - index, of: schedule.timesteps.count, seconds: seconds))
        }
        return z
    }

    /// What the denoiser is told of one tile, or of the whole latent.
    private struct PreparedConditions {
        var positive: Denoiser.Condition
        var negative: Denoiser.Condition?
    }

    /// Makes the denoiser ready for a latent, and the conditions of each of its tiles (the latent is its own only one without tiles).
    private func prepare(_ conditions: Conditions, _ shape: Shape) throws -> (Denoiser, TileWindows, [PreparedConditions]) {
        let tiles = options.tiled ? try latentTiles(shape) : try TileWindows(height: shape[2], width: shape[3], tileSize: .max, tileStride: 1)
        let tileShape: Shape = [1, shape[1], tiles.tileHeight, tiles.tileWidth]
        if denoiser == nil || denoiser!.shape != tileShape {
            denoiser = nil  // its arena and weights go before the new ones come
            let value = try Denoiser(
                model: model, height: tileShape[2], width: tileShape[3], timesteps: schedule.timesteps, strength: options.strength,
                outputs: recorder == nil ? nil : Set(outputNames))
            denoiser = (tileShape, value)
        }
        let denoiser = denoiser!.value
        let prepared = try tiles.windows.map { window in
            func prepare(_ condition: Condition) throws -> Denoiser.Condition {
                try denoiser.prepare(context: condition.context, image: cut(condition.image, window))
            }
            return PreparedConditions(positive: try prepare(conditions.positive), negative: try conditions.negative.map(prepare))
        }
        return (denoiser, tiles, prepared)
    }

    /// A step's estimate of the sharp image's latent.
    private func estimate(of prediction: Tensor, _ z: Tensor, _ index: Int) -> Tensor {
        guard model.configuration.parameterization == .noise else { return prediction.copy() }
        let (a, b) = (schedule.a[index], schedule.b[index])
        return Tensor(zip(z.floatArray, prediction.floatArray).map { a * $0 - b * $1 }, shape: z.shape)
    }

    private var outputNames: [String] {
        DenoisingStep.outputNames(model.configuration.parameterization, controlCount: model.graphs["control_net"]!.outputs.count)
    }

    /// A step's result for the whole latent, guided and blended from tiles as asked for.
    private func predict(
        _ z: Tensor, _ timestep: Int, _ denoiser: Denoiser, _ tiles: TileWindows, _ conditions: [PreparedConditions]
    ) throws -> Tensor {
        func predict(_ z: Tensor, _ condition: Denoiser.Condition) throws -> Tensor {
            recorder?.record("unet_in", z)
            let outputs = try denoiser.run(z, timestep: timestep, condition: condition)
            for name in outputNames { if let tensor = outputs[name] { recorder?.record(name, tensor) } }
            return outputs[model.stepResult]!
        }
        func guided(_ z: Tensor, _ conditions: PreparedConditions) throws -> Tensor {
            let positive = try predict(z, conditions.positive)
            guard let condition = conditions.negative else { return positive }
            let negative = try predict(z, condition)
            let scale = options.guidanceScale
            return Tensor(zip(negative.floatArray, positive.floatArray).map { $0 + scale * ($1 - $0) }, shape: z.shape)
        }
        guard options.tiled else { return try guided(z, conditions[0]) }
        var blender = TileBlender(channels: z.shape[1], tiles: tiles)
        for (window, conditions) in zip(tiles.windows, conditions) { blender.add(try guided(cut(z, window), conditions), at: window) }
        return blender.blended()
    }

    private func centered(_ clean: Tensor) -> Tensor {
        let result = clean.copy()
        for index in result.floats.indices { result.floats[index] = 2 * result.floats[index] - 1 }
        return result
    }
}

/// The part of [1, C, H, W] within a window.
private func cut(_ image: Tensor, _ window: TileWindows.Window) -> Tensor {
    let shape = image.shape
    let result = Tensor(TensorType(.float32, [1, shape[1], window.height, window.width]))
    for row in 0..<shape[1] * window.height {
        let (channel, y) = (row / window.height, row % window.height)
        let source = image.floats.baseAddress! + (channel * shape[2] + window.y + y) * shape[3] + window.x
        (result.floats.baseAddress! + row * window.width).update(from: source, count: window.width)
    }
    withExtendedLifetime((image, result)) {}
    return result
}

private func paste(_ tile: Tensor, into image: Tensor, at window: TileWindows.Window) {
    let shape = image.shape
    for row in 0..<shape[1] * window.height {
        let (channel, y) = (row / window.height, row % window.height)
        let target = image.floats.baseAddress! + (channel * shape[2] + window.y + y) * shape[3] + window.x
        target.update(from: tile.floats.baseAddress! + row * window.width, count: window.width)
    }
    withExtendedLifetime((tile, image)) {}
}
