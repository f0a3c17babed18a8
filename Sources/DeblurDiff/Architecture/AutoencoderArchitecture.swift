import GraphIR
import Operators
import Tensors

/// The autoencoder between images and latents.
struct AutoencoderArchitecture {
    let configuration: AutoencoderConfiguration

    private static let epsilon: Float = 1e-6
    private var levels: Range<Int> { configuration.channelMultipliers.indices }

    /// [1, 3, H, W] to mean and log variance, side by side: [1, 2 z, H / factor, W / factor].
    func encoder(_ b: inout NetworkBuilder, _ image: ValueID) throws -> ValueID {
        if let block = configuration.transformBlock {
            return try b.scope("encoder.conv") {
                try $0.convolution(
                    "encoder.conv", image, outputs: 2 * configuration.embedDimension, kernel: block, stride: block, padding: [0, 0, 0, 0])
            }
        }
        let moments = try b.scope("encoder") { b in
            var h = try b.scope("conv_in") { try $0.convolution("encoder.conv_in", image, outputs: configuration.baseChannels) }
            for level in levels {
                for block in 0..<configuration.residualBlocks {
                    h = try residualBlock(&b, "encoder", "down.\(level).block.\(block)", h, outputs: configuration.channels(level: level))
                }
                guard level + 1 < levels.upperBound else { break }
                h = try b.scope("down.\(level).downsample") {
                    try $0.convolution(
                        "encoder.down.\(level).downsample.conv", h, outputs: $0.type(h).shape[1], stride: 2, padding: [0, 0, 1, 1])
                }
            }
            h = try middle(&b, "encoder", h)
            return try head(&b, "encoder", h, outputs: 2 * configuration.zChannels)
        }
        return try b.scope("quant_conv") {
            try $0.convolution("quant_conv", moments, outputs: 2 * configuration.embedDimension, kernel: 1)
        }
    }

    /// [1, z, h, w] to [1, 3, h factor, w factor].
    func decoder(_ b: inout NetworkBuilder, _ latent: ValueID) throws -> ValueID {
        if let block = configuration.transformBlock {
            return try b.scope("decoder.conv") {
                try $0.transposedConvolution("decoder.conv", latent, outputs: configuration.outChannels, kernel: block, stride: block)
            }
        }
        let z = try b.scope("post_quant_conv") {
            try $0.convolution("post_quant_conv", latent, outputs: configuration.zChannels, kernel: 1)
        }
        return try b.scope("decoder") { b in
            let top = configuration.channels(level: levels.upperBound - 1)
            var h = try b.scope("conv_in") { try $0.convolution("decoder.conv_in", z, outputs: top) }
            h = try middle(&b, "decoder", h)
            for level in levels.reversed() {
                for block in 0...configuration.residualBlocks {
                    h = try residualBlock(&b, "decoder", "up.\(level).block.\(block)", h, outputs: configuration.channels(level: level))
                }
                guard level > 0 else { break }
                h = try b.scope("up.\(level).upsample") { b in
                    let large = try b.graph.apply(UpsampleNearest(factor: 2), h)
                    return try b.convolution("decoder.up.\(level).upsample.conv", large, outputs: b.type(h).shape[1])
                }
            }
            return try head(&b, "decoder", h, outputs: configuration.outChannels)
        }
    }

    private func head(_ b: inout NetworkBuilder, _ half: String, _ x: ValueID, outputs: Int) throws -> ValueID {
        try b.scope("out") { b in
            let norm = try b.graph.apply(SiLU(), b.groupNorm("\(half).norm_out", x, epsilon: Self.epsilon))
            return try b.convolution("\(half).conv_out", norm, outputs: outputs)
        }
    }

    private func middle(_ b: inout NetworkBuilder, _ half: String, _ x: ValueID) throws -> ValueID {
        let width = b.type(x).shape[1]
        var h = try residualBlock(&b, half, "mid.block_1", x, outputs: width)
        h = try b.scope("mid.attn_1") { b in
            let key = "\(half).mid.attn_1"
            let norm = try b.groupNorm("\(key).norm", h, epsilon: Self.epsilon)
            func tokens(_ name: String) throws -> ValueID {
                try b.graph.apply(TokensFromImage(), b.convolution("\(key).\(name)", norm, outputs: width, kernel: 1))
            }
            // Over all positions of an image of any size, whose square no value may hold.
            let attention = Attention(headSize: width, scale: 1 / Float(width).squareRoot())
            let mixed = try b.graph.apply(attention, tokens("q"), tokens("k"), tokens("v"))
            let image = try b.graph.apply(ImageFromTokens(), mixed, norm)
            return try b.graph.apply(Add(), h, b.convolution("\(key).proj_out", image, outputs: width, kernel: 1))
        }
        return try residualBlock(&b, half, "mid.block_2", h, outputs: width)
    }

    private func residualBlock(_ b: inout NetworkBuilder, _ half: String, _ name: String, _ x: ValueID, outputs: Int) throws
        -> ValueID
    {
        try b.scope(name) { b in
            let key = "\(half).\(name)"
            var h = try b.graph.apply(SiLU(), b.groupNorm("\(key).norm1", x, epsilon: Self.epsilon))
            h = try b.convolution("\(key).conv1", h, outputs: outputs)
            h = try b.graph.apply(SiLU(), b.groupNorm("\(key).norm2", h, epsilon: Self.epsilon))
            h = try b.convolution("\(key).conv2", h, outputs: outputs)
            let skip = b.type(x).shape[1] == outputs ? x : try b.convolution("\(key).nin_shortcut", x, outputs: outputs, kernel: 1)
            return try b.graph.apply(Add(), skip, h)
        }
    }
}
