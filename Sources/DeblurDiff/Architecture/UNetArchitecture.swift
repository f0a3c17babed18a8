import GraphIR
import Operators
import Tensors

/// Stable Diffusion 2's UNet in its three uses here: denoiser, latent kernel prediction network, and (its encoder half) control network.
struct UNetArchitecture {
    let configuration: UNetConfiguration
    /// The side of the largest window that a transformer sees at once, for a level. Larger images are cut into overlapping windows; without it they are seen whole.
    let windowSize: ((_ level: Int) -> Int)?

    private var levels: Range<Int> { configuration.channelMultipliers.indices }

    /// `x`, `timestep`, `context` and as many controls as there are skips, plus one for the middle (if any are given).
    func denoiser(_ b: inout NetworkBuilder, _ x: ValueID, timestep: ValueID, context: ValueID, controls: [ValueID])
        throws -> ValueID
    {
        let embedding = try timeEmbedding(&b, timestep)
        var skips = try encoder(&b, x, embedding, context)
        var h = try middle(&b, skips.last!, embedding, context)
        var controls = controls
        if let control = controls.popLast() { h = try b.scope("middle_block") { try $0.graph.apply(Add(), h, control, name: "control") } }
        var index = 0
        for level in levels.reversed() {
            for block in 0...configuration.residualBlocks[level] {
                h = try b.scope("output_blocks.\(index)") { b in
                    var skip = skips.removeLast()
                    if let control = controls.popLast() { skip = try b.graph.apply(Add(), skip, control, name: "control") }
                    let joined = try b.graph.apply(Concat(axis: 1), h, skip)
                    let key = "output_blocks.\(index)"
                    var h = try residualBlock(&b, "\(key).0", joined, embedding, outputs: configuration.channels(level: level))
                    var part = 1
                    if configuration.hasAttention(level: level) {
                        h = try transformer(&b, "\(key).1", h, context, window: windowSize?(level))
                        part = 2
                    }
                    if level > 0, block == configuration.residualBlocks[level] {
                        h = try b.scope("\(part)") { b in
                            let large = try b.graph.apply(UpsampleNearest(factor: 2), h)
                            return try b.convolution("\(key).\(part).conv", large, outputs: b.type(h).shape[1])
                        }
                    }
                    return h
                }
                index += 1
            }
        }
        return try b.scope("out") { b in
            let norm = try b.graph.apply(SiLU(), b.norm(configuration.normalization, "out.0", h, epsilon: 1e-5))
            return try b.convolution("out.2", norm, outputs: configuration.outChannels)
        }
    }

    /// The control network's outputs: one for each input block, and one for the middle.
    ///
    /// - Parameter hint: a picture, 8 times as large as `x`, which is added to what the first convolution makes of that.
    func controls(_ b: inout NetworkBuilder, _ x: ValueID, hint: ValueID?, timestep: ValueID, context: ValueID) throws -> [ValueID] {
        let embedding = try timeEmbedding(&b, timestep)
        let skips = try encoder(&b, x, hint: hint, embedding, context)
        let h = try middle(&b, skips.last!, embedding, context)
        var outputs = try skips.enumerated().map { index, skip in
            try b.scope("zero_convs.\(index)") {
                try $0.convolution("zero_convs.\(index).0", skip, outputs: $0.type(skip).shape[1], kernel: 1)
            }
        }
        outputs.append(
            try b.scope("middle_block_out") {
                try $0.convolution("middle_block_out.0", h, outputs: $0.type(h).shape[1], kernel: 1)
            })
        return outputs
    }

    /// How many controls the denoiser takes: one for each input block, and one for the middle.
    static func controlCount(_ configuration: UNetConfiguration) -> Int {
        let levels = configuration.channelMultipliers.count
        return 1 + (0..<levels).reduce(0) { $0 + configuration.residualBlocks[$1] } + (levels - 1) + 1
    }

    /// What a picture adds: eight convolutions, three of which halve its sides. The widths are the published network's.
    private func hintBlock(_ b: inout NetworkBuilder, _ hint: ValueID) throws -> ValueID {
        var h = hint
        for (index, (outputs, stride)) in [(16, 1), (16, 1), (32, 2), (32, 1), (96, 2), (96, 1), (256, 2)].enumerated() {
            h = try b.graph.apply(SiLU(), b.convolution("input_hint_block.\(2 * index)", h, outputs: outputs, stride: stride))
        }
        return try b.convolution("input_hint_block.14", h, outputs: configuration.channels(level: 0))
    }

    /// The outputs of all input blocks.
    private func encoder(_ b: inout NetworkBuilder, _ x: ValueID, hint: ValueID? = nil, _ embedding: ValueID, _ context: ValueID) throws
        -> [ValueID]
    {
        var h = try b.scope("input_blocks.0") {
            try $0.convolution("input_blocks.0.0", x, outputs: configuration.channels(level: 0))
        }
        if let hint {
            // Behind that convolution, which then adds what stays the same from step to step, and not the other way round.
            let seen = try b.scope("input_hint_block") { try hintBlock(&$0, hint) }
            h = try b.scope("input_blocks.0") { try $0.graph.apply(Add(), h, seen, name: "hint") }
        }
        var outputs = [h]
        for level in levels {
            for _ in 0..<configuration.residualBlocks[level] {
                let key = "input_blocks.\(outputs.count)"
                h = try b.scope(key) { b in
                    let h = try residualBlock(&b, "\(key).0", h, embedding, outputs: configuration.channels(level: level))
                    guard configuration.hasAttention(level: level) else { return h }
                    return try transformer(&b, "\(key).1", h, context, window: windowSize?(level))
                }
                outputs.append(h)
            }
            if level + 1 < levels.upperBound {
                let key = "input_blocks.\(outputs.count)"
                h = try b.scope(key) {
                    try $0.convolution("\(key).0.op", h, outputs: configuration.channels(level: level), stride: 2)
                }
                outputs.append(h)
            }
        }
        return outputs
    }

    private func middle(_ b: inout NetworkBuilder, _ x: ValueID, _ embedding: ValueID, _ context: ValueID) throws
        -> ValueID
    {
        try b.scope("middle_block") { b in
            let outputs = configuration.channels(level: levels.upperBound - 1)
            var h = try residualBlock(&b, "middle_block.0", x, embedding, outputs: outputs)
            h = try transformer(
                &b, "middle_block.1", h, context, window: windowSize?(levels.upperBound - 1), first: configuration.middleAttention)
            return try residualBlock(&b, "middle_block.2", h, embedding, outputs: outputs)
        }
    }

    private func timeEmbedding(_ b: inout NetworkBuilder, _ timestep: ValueID) throws -> ValueID {
        try b.scope("time_embed") { b in
            let width = configuration.timeEmbeddingChannels
            let waves = try b.graph.apply(TimestepEmbedding(dimension: configuration.modelChannels), timestep)
            let hidden = try b.graph.apply(SiLU(), b.linear("time_embed.0", waves, outputs: width))
            return try b.linear("time_embed.2", hidden, outputs: width)
        }
    }

    private func residualBlock(_ b: inout NetworkBuilder, _ key: String, _ x: ValueID, _ embedding: ValueID, outputs: Int) throws
        -> ValueID
    {
        try b.scope(lastPart(key)) { b in
            var h = try b.graph.apply(SiLU(), b.norm(configuration.normalization, "\(key).in_layers.0", x, epsilon: 1e-5))
            h = try b.convolution("\(key).in_layers.2", h, outputs: outputs)
            let projected = try b.linear("\(key).emb_layers.1", b.graph.apply(SiLU(), embedding), outputs: outputs)
            h = try b.graph.apply(Add(), h, b.graph.apply(Unsqueeze(count: 2), projected))
            h = try b.graph.apply(SiLU(), b.norm(configuration.normalization, "\(key).out_layers.0", h, epsilon: 1e-5))
            h = try b.convolution("\(key).out_layers.3", h, outputs: outputs)
            let skip = b.type(x).shape[1] == outputs ? x : try b.convolution("\(key).skip_connection", x, outputs: outputs, kernel: 1)
            return try b.graph.apply(Add(), skip, h)
        }
    }

    private func transformer(
        _ b: inout NetworkBuilder, _ key: String, _ x: ValueID, _ context: ValueID, window: Int?, first: MiddleAttention = .positions
    ) throws -> ValueID {
        try b.scope(lastPart(key)) { b in
            let width = b.type(x).shape[1]
            let windows = try window.map { try b.graph.apply(WindowPartition(size: $0), x) } ?? x
            let normalized = try b.norm(configuration.normalization, "\(key).norm", windows, epsilon: 1e-6)
            var h = try b.linear("\(key).proj_in", b.graph.apply(TokensFromImage(), normalized), outputs: width)
            for depth in 0..<configuration.transformerDepth {
                h = try transformerBlock(&b, "\(key).transformer_blocks.\(depth)", h, context, first: first)
            }
            h = try b.linear("\(key).proj_out", h, outputs: width)
            let image = try b.graph.apply(ImageFromTokens(), h, windows)
            return try b.graph.apply(Add(), window.map { try b.graph.apply(WindowMerge(size: $0), image, x) } ?? image, x)
        }
    }

    private func transformerBlock(_ b: inout NetworkBuilder, _ key: String, _ x: ValueID, _ context: ValueID, first: MiddleAttention) throws
        -> ValueID
    {
        let width = b.type(x).shape[-1]
        func attention(_ b: inout NetworkBuilder, _ name: String, _ x: ValueID, context: ValueID) throws -> ValueID {
            try b.scope(name) { b in
                let q = try b.linear("\(key).\(name).to_q", x, outputs: width, bias: false)
                let k = try b.linear("\(key).\(name).to_k", context, outputs: width, bias: false)
                let v = try b.linear("\(key).\(name).to_v", context, outputs: width, bias: false)
                let mixed = try b.attention(q, k, v, headSize: configuration.headChannels(width: width))
                return try b.linear("\(key).\(name).to_out.0", mixed, outputs: width)
            }
        }
        let n1 = try b.layerNorm("\(key).norm1", x)
        let x1 = try b.graph.apply(Add(), attention(&b, "attn1", n1, context: first == .context ? context : n1), x)
        let n2 = try b.layerNorm("\(key).norm2", x1)
        let x2 = try b.graph.apply(Add(), attention(&b, "attn2", n2, context: context), x1)
        let n3 = try b.layerNorm("\(key).norm3", x2)
        return try b.scope("ff") { b in
            let wide = try b.linear("\(key).ff.net.0.proj", n3, outputs: 8 * width)
            let halves = try b.graph.apply(Split(axis: 2, parts: 2), [wide])
            let gated = try b.graph.apply(Multiply(), halves[0], b.graph.apply(GELU(), halves[1]))
            return try b.graph.apply(Add(), b.linear("\(key).ff.net.2", gated, outputs: width), x2)
        }
    }

    private func lastPart(_ key: String) -> String { String(key.split(separator: ".").last!) }
}
