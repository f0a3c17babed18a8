import GraphIR
import Operators
import Tensors

/// OpenCLIP's text transformer, up to the layer whose input conditions the denoiser.
struct TextEncoderArchitecture {
    let configuration: TextEncoderConfiguration

    /// Token ids [1, T] to [1, T, width].
    func encoder(_ b: inout NetworkBuilder, _ tokens: ValueID) throws -> ValueID {
        let width = configuration.width
        let table = b.parameter("token_embedding.weight", [configuration.vocabularySize, width])
        let positions = b.parameter("positional_embedding", [configuration.contextLength, width])
        var x = try b.graph.apply(Add(), b.graph.apply(Embedding(), tokens, table), positions)
        for layer in 0..<configuration.activeLayers {
            x = try b.scope("resblocks.\(layer)") { try self.layer(&$0, "transformer.resblocks.\(layer)", x) }
        }
        return try b.layerNorm("ln_final", x)
    }

    private func layer(_ b: inout NetworkBuilder, _ key: String, _ x: ValueID) throws -> ValueID {
        let width = configuration.width
        let attended = try b.scope("attn") { b in
            let normalized = try b.layerNorm("\(key).ln_1", x)
            let weight = b.parameter("\(key).attn.in_proj_weight", [3 * width, width])
            let bias = b.parameter("\(key).attn.in_proj_bias", [3 * width])
            let qkv = try b.graph.apply(Split(axis: 2, parts: 3), [b.graph.apply(Linear(), normalized, weight, bias)])
            let mixed = try b.attention(qkv[0], qkv[1], qkv[2], headSize: width / configuration.heads, causal: true)
            return try b.graph.apply(Add(), x, b.linear("\(key).attn.out_proj", mixed, outputs: width))
        }
        return try b.scope("mlp") { b in
            let wide = try b.linear("\(key).mlp.c_fc", b.layerNorm("\(key).ln_2", attended), outputs: 4 * width)
            let narrow = try b.linear("\(key).mlp.c_proj", b.graph.apply(GELU(), wide), outputs: width)
            return try b.graph.apply(Add(), attended, narrow)
        }
    }
}
