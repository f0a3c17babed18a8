import GraphIR
import Operators
import Tensors

/// Writes a network's graph with the layers that all of DeblurDiff's networks are made of.
///
/// Keys of parameters are relative to a prefix; a layer's parameters are `key.weight` and `key.bias`. Parameters are float32
/// in the graph; how a file stores them is the file's matter.
struct NetworkBuilder {
    var graph: GraphBuilder
    let prefix: String

    init(name: String, prefix: String) {
        graph = GraphBuilder(name: name)
        self.prefix = prefix
    }

    func type(_ id: ValueID) -> TensorType { graph.type(id) }

    /// Runs the body with another part in front of the names it makes.
    mutating func scope<R>(_ name: String, _ body: (inout NetworkBuilder) throws -> R) rethrows -> R {
        graph.enterScope(name)
        defer { graph.leaveScope() }
        return try body(&self)
    }

    mutating func parameter(_ key: String, _ shape: Shape) -> ValueID {
        graph.parameter(prefix + key, TensorType(.float32, shape))
    }

    mutating func convolution(
        _ key: String, _ x: ValueID, outputs: Int, kernel: Int = 3, stride: Int = 1, padding: [Int]? = nil
    ) throws -> ValueID {
        let weight = parameter("\(key).weight", [outputs, type(x).shape[1], kernel, kernel])
        let bias = parameter("\(key).bias", [outputs])
        let same = (kernel - 1) / 2
        let op = Conv2D(stride: [stride, stride], padding: padding ?? [same, same, same, same])
        return try graph.apply(op, x, weight, bias)
    }

    mutating func transposedConvolution(_ key: String, _ x: ValueID, outputs: Int, kernel: Int, stride: Int) throws -> ValueID {
        let weight = parameter("\(key).weight", [type(x).shape[1], outputs, kernel, kernel])
        let op = ConvTranspose(strides: [stride, stride], padding: [0, 0, 0, 0], dilations: [1, 1], outputPadding: [0, 0])
        return try graph.apply(op, x, weight, parameter("\(key).bias", [outputs]))
    }

    mutating func linear(_ key: String, _ x: ValueID, outputs: Int, bias: Bool = true) throws -> ValueID {
        let weight = parameter("\(key).weight", [outputs, type(x).shape[-1]])
        guard bias else { return try graph.apply(Linear(), x, weight) }
        return try graph.apply(Linear(), x, weight, parameter("\(key).bias", [outputs]))
    }

    mutating func groupNorm(_ key: String, _ x: ValueID, epsilon: Float) throws -> ValueID {
        let channels = type(x).shape[1]
        return try graph.apply(
            GroupNorm(epsilon: epsilon), x, parameter("\(key).weight", [channels]), parameter("\(key).bias", [channels]))
    }

    mutating func layerNorm(_ key: String, _ x: ValueID, epsilon: Float = 1e-5) throws -> ValueID {
        let width = type(x).shape[-1]
        return try graph.apply(LayerNorm(epsilon: epsilon), x, parameter("\(key).weight", [width]), parameter("\(key).bias", [width]))
    }

    /// A norm of an image [N, C, H, W].
    mutating func norm(_ kind: Normalization, _ key: String, _ x: ValueID, epsilon: Float) throws -> ValueID {
        switch kind {
        case .group: try groupNorm(key, x, epsilon: epsilon)
        case .position: try graph.apply(ImageFromTokens(), layerNorm(key, graph.apply(TokensFromImage(), x), epsilon: epsilon), x)
        }
    }

    /// softmax(q k^T / sqrt(d)) v for each head, over tokens [N, T, heads d].
    mutating func attention(_ q: ValueID, _ k: ValueID, _ v: ValueID, headSize: Int, causal: Bool = false) throws -> ValueID {
        func heads(_ x: ValueID) throws -> ValueID {
            let split = try graph.apply(Unflatten(axis: 2, sizes: [-1, headSize]), x)
            return try graph.apply(Transpose(permutation: [0, 2, 1, 3]), split)
        }
        var scores = try graph.apply(MatMul(transposeB: true), heads(q), heads(k))
        scores = try graph.apply(Scale(factor: 1 / Float(headSize).squareRoot()), scores)
        if causal { scores = try graph.apply(CausalMask(), scores) }
        let mixed = try graph.apply(MatMul(), graph.apply(Softmax(), scores), heads(v))
        return try graph.apply(Flatten(first: 2, last: 3), graph.apply(Transpose(permutation: [0, 2, 1, 3]), mixed))
    }
}
