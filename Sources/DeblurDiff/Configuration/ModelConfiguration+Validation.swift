import Files
import Foundation
import Operators
import Tensors

/// The networks normalise in this many groups of channels, so every width is a multiple of it.
private let normalizationGroups = 32

extension ModelConfiguration {
    /// Reads what ``json`` makes.
    public init(json: String) throws {
        do { self = try JSONDecoder().decode(ModelConfiguration.self, from: Data(json.utf8)) } catch {
            throw InputError("the model's configuration cannot be understood", advice: "Convert the model again.")
        }
        try validate()
    }

    /// The form in which a converted model carries it; the same configuration gives the same text.
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { preconditionFailure("not representable as JSON: \(self)") }
        return String(decoding: data, as: UTF8.self)
    }

    /// Throws an `InputError` for sizes that no model can have, or that do not fit each other.
    ///
    /// The bounds are far above any real model; they keep arithmetic on sizes from overflowing.
    public func validate() throws {
        try unet.validate("unet_cfg")
        try controlNet.validate("controlnet_cfg")
        try autoencoder.validate("vae_cfg.ddconfig")
        try textEncoder.validate("clip_cfg.text_cfg")
        guard (1e-6...1e6).contains(latentScaleFactor) else {
            throw InputError("is \(latentScaleFactor), but must be from 1e-6 to 1e6", at: "latent_scale_factor")
        }
        try process.validate(parameterization)
        // No more than the noise schedule has.
        if let defaultSteps { try checkSize(defaultSteps, in: 1...1000, "default_steps") }
        if let leastSide { try checkSize(leastSide, in: 1...65536, "least_side") }
        try system.design.validate(self)

        let latent = latentChannels
        try requireSize(unet.inChannels, equals: latent, "unet_cfg.in_channels", "the latent's channels (vae_cfg.embed_dim)")
        try requireSize(unet.outChannels, equals: latent, "unet_cfg.out_channels", "the latent's channels (vae_cfg.embed_dim)")
        try requireSize(unet.hintChannels, equals: 0, "unet_cfg.hint_channels", "none")
        try requireSize(controlNet.inChannels, equals: latent, "controlnet_cfg.in_channels", "the latent's channels (vae_cfg.embed_dim)")
        try requireSize(
            controlNet.hintChannels, equals: system.design.hintChannels(latent: latent), "controlnet_cfg.hint_channels", system.design.hintWords)
        for (network, name) in [(unet, "unet_cfg"), (controlNet, "controlnet_cfg")] {
            try requireSize(network.contextDimension, equals: textEncoder.width, "\(name).context_dim", "the text encoder's width")
        }
        // Each output of the control network is added to a tensor of the denoiser.
        try requireSize(controlNet.modelChannels, equals: unet.modelChannels, "controlnet_cfg.model_channels", "the denoiser's")
        guard controlNet.residualBlocks == unet.residualBlocks else {
            throw InputError("must be the denoiser's \(unet.residualBlocks.counts)", at: "controlnet_cfg.num_res_blocks")
        }
        guard controlNet.channelMultipliers == unet.channelMultipliers else {
            throw InputError("must be the denoiser's \(unet.channelMultipliers)", at: "controlnet_cfg.channel_mult")
        }
    }
}

extension DiffusionProcess {
    fileprivate func validate(_ parameterization: Parameterization) throws {
        let name = "diffusion_cfg"
        for (beta, field) in [(firstBeta, "linear_start"), (lastBeta, "linear_end")] where !(1e-9..<1).contains(beta) {
            throw InputError("is \(beta), but must be from 1e-9 to less than 1", at: "\(name).\(field)")
        }
        guard (1e-9...1).contains(cosineOffset) else { throw InputError("is \(cosineOffset), but must be from 1e-9 to 1", at: "\(name).cosine_s") }
        guard !endsInNoise || parameterization != .noise else {
            throw InputError(
                "is true, but where no signal is left, its noise says nothing of the picture", at: "\(name).zero_snr",
                advice: "Such models have the `parameterization` v.")
        }
        guard alphasCumulative.dropLast().allSatisfy({ $0 >= 1e-70 }) else {
            throw InputError("leaves no signal long before the last timestep", at: name)
        }
    }
}

extension UNetConfiguration {
    func validate(_ name: String) throws {
        try checkSize(inChannels, in: 1...4096, "\(name).in_channels")
        try checkSize(hintChannels, in: 0...4096, "\(name).hint_channels")
        try checkSize(outChannels, in: 0...65536, "\(name).out_channels")
        guard [1, channelMultipliers.count].contains(residualBlocks.counts.count) else {
            throw InputError("names \(residualBlocks.counts.count) levels, of which there are \(channelMultipliers.count)", at: "\(name).num_res_blocks")
        }
        for count in residualBlocks.counts { try checkSize(count, in: 1...64, "\(name).num_res_blocks") }
        try checkSize(transformerDepth, in: 1...64, "\(name).transformer_depth")
        let (heads, field) = (heads ?? headChannels, self.heads == nil ? "num_head_channels" : "num_heads")
        try checkSize(heads, in: 1...4096, "\(name).\(field)")
        try checkSize(contextDimension, in: 1...65536, "\(name).context_dim")
        try validateWidths(modelChannels, channelMultipliers, "\(name).model_channels", "\(name).channel_mult")
        let levels = channelMultipliers.count
        for resolution in attentionResolutions where !(0..<levels).contains(where: { 1 << $0 == resolution }) {
            throw InputError(
                "names the factor \(resolution), but \(levels) levels have the factors \((0..<levels).map { 1 << $0 })",
                at: "\(name).attention_resolutions")
        }
        for level in 0..<levels where hasAttention(level: level) || level == levels - 1 {
            guard channels(level: level) % heads == 0 else {
                throw InputError("\(heads) does not divide the width \(channels(level: level)) of level \(level)", at: "\(name).\(field)")
            }
        }
    }
}

extension AutoencoderConfiguration {
    fileprivate func validate(_ name: String) throws {
        try checkSize(inChannels, in: 3...3, "\(name).in_channels")
        try checkSize(outChannels, in: 3...3, "\(name).out_ch")
        try checkSize(residualBlocks, in: 0...64, "\(name).num_res_blocks")  // the decoder has one more
        try checkSize(zChannels, in: 1...4096, "\(name).z_channels")
        try checkSize(embedDimension, in: 1...1024, "vae_cfg.embed_dim")
        if let transformBlock { try checkSize(transformBlock, in: 1...16, "vae_cfg.transform.block") }
        try checkSize(resolution, in: 1...65536, "\(name).resolution")
        try validateWidths(baseChannels, channelMultipliers, "\(name).ch", "\(name).ch_mult")
        let width = channels(level: channelMultipliers.count - 1)
        guard width <= Attention.largestHeadSize else {
            throw InputError(
                "makes the last level \(width) channels wide; its attention takes up to \(Attention.largestHeadSize)", at: "\(name).ch_mult")
        }
    }
}

extension TextEncoderConfiguration {
    fileprivate func validate(_ name: String) throws {
        try checkSize(width, in: 1...65536, "\(name).width")
        try checkSize(heads, in: 1...4096, "\(name).heads")
        try checkSize(layers, in: 1...1024, "\(name).layers")
        try checkSize(contextLength, in: 2...65536, "\(name).context_length")
        try checkSize(vocabularySize, in: 1...16_777_216, "\(name).vocab_size")
        guard width % heads == 0 else { throw InputError("\(heads) heads do not divide the width \(width)", at: "\(name).heads") }
    }
}

private func validateWidths(_ base: Int, _ multipliers: [Int], _ baseName: String, _ multipliersName: String) throws {
    try checkSize(base, in: 1...65536, baseName)
    guard base % normalizationGroups == 0 else {
        throw InputError("is \(base), but must be a multiple of \(normalizationGroups), the groups of each normalisation", at: baseName)
    }
    guard (1...10).contains(multipliers.count) else {
        throw InputError("has \(multipliers.count) levels, but must have from 1 to 10", at: multipliersName)
    }
    for multiplier in multipliers {
        try checkSize(multiplier, in: 1...1024, multipliersName)
        guard base * multiplier <= 65536 else {
            throw InputError("makes a level \(base * multiplier) channels wide; the limit is 65536", at: multipliersName)
        }
    }
}

func checkSize(_ value: Int, in range: ClosedRange<Int>, _ name: String) throws {
    guard range.contains(value) else {
        let allowed = range.count == 1 ? "\(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
        throw InputError("is \(value), but must be \(allowed)", at: name)
    }
}

func requireSize(_ value: Int, equals expected: Int, _ name: String, _ reason: String) throws {
    guard value == expected else { throw InputError("is \(value), but must be \(expected): \(reason)", at: name) }
}
