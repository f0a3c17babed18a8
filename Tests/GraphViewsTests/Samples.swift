import DeblurDiff
import GraphIR
import GraphRuntime
import GraphTestSupport
import GraphViews
import Operators
import Tensors

/// Graphs to look at.
enum Samples {
    /// Convolution, group norm, SiLU, linear: with sizes for which costs can be told by hand.
    static func small(name: String = "small", prefix: String = "net.blocks.0") throws -> Graph {
        var b = GraphBuilder(name: name)
        let x = b.input("x", TensorType(.float32, [1, 4, 8, 8]))
        b.enterScope(prefix)
        let weight = b.parameter("w", TensorType(.float32, [8, 4, 3, 3]))
        let bias = b.parameter("b", TensorType(.float32, [8]))
        let scale = b.parameter("norm.weight", TensorType(.float32, [8]))
        let shift = b.parameter("norm.bias", TensorType(.float32, [8]))
        let h = try b.apply(Conv2D(padding: [1, 1, 1, 1]), x, weight, bias)
        let n = try b.apply(GroupNorm(groups: 4, epsilon: 1e-5), h, scale, shift)
        let y = try b.apply(SiLU(), n)
        b.leaveScope()
        b.output("y", try b.apply(Add(), y, h, name: "sum"))
        return b.graph
    }

    /// Takes SiLU into the group norm in front of it, as a pass would.
    static func withFusedNorms(_ graph: Graph) throws -> (graph: Graph, passes: [PassSummary], rewrites: [RewriteRecord]) {
        var editor = GraphEditor(graph)
        var rewrites: [RewriteRecord] = []
        for id in graph.order where graph[id].op is SiLU {
            guard let producer = editor.graph.producer(of: editor.graph[id].operands[0]),
                var norm = editor.graph[producer].op as? GroupNorm, editor.onlyUser(of: editor.graph[id].operands[0]) == id
            else { continue }
            norm.activation = .silu
            func note(_ id: NodeID) -> GraphDiff.NodeReference { .init(name: editor.graph.name(of: id), op: editor.graph[id].op.name) }
            let before = [note(producer), note(id)]
            let results = try editor.replace(id, with: norm, editor.graph[producer].operands, absorbing: [producer])
            let made = editor.graph.producer(of: results[0])!
            rewrites.append(RewriteRecord(pass: "fuse_group_norm_silu", before: before, after: [note(made)]))
        }
        let passes = [
            PassSummary(
                name: "eliminate_dead_code", summary: "Removes nodes whose results nothing reads.", matches: 0, rewrites: 0, nodesRemoved: 0,
                seconds: 0.0004),
            PassSummary(
                name: "fuse_group_norm_silu", summary: "Folds a SiLU into the group norm that feeds it.", matches: rewrites.count,
                rewrites: rewrites.count, nodesRemoved: graph.order.count - editor.graph.order.count, seconds: 0.0031),
        ]
        return (editor.graph, passes, rewrites)
    }

    /// As many blocks as the released model has, but narrow ones.
    static let narrow = ModelConfiguration(
        unet: UNetConfiguration(
            inChannels: 4, outChannels: 4, modelChannels: 32, channelMultipliers: [1, 2, 4, 4], headChannels: 32, contextDimension: 32),
        controlNet: UNetConfiguration(
            inChannels: 4, hintChannels: 8, outChannels: 4, modelChannels: 32, channelMultipliers: [1, 2, 4, 4], headChannels: 32,
            contextDimension: 32),
        lkpn: UNetConfiguration(
            inChannels: 8, outChannels: 100, modelChannels: 32, channelMultipliers: [1, 2, 4, 4], headChannels: 32, contextDimension: 32),
        autoencoder: AutoencoderConfiguration(baseChannels: 32, channelMultipliers: [1, 2, 4, 4]),
        textEncoder: TextEncoderConfiguration(width: 32, heads: 1, layers: 24, vocabularySize: 300))

    /// One denoising step for square images.
    static func step(_ configuration: ModelConfiguration, size: Int) throws -> Graph {
        let graphs = try DeblurDiffArchitecture.graphs(configuration, height: size, width: size)
        let side = size / configuration.latentFactor
        return try DenoisingStep.graph(graphs, latent: TensorType(.float32, [1, configuration.latentChannels, side, side]))
    }

    static func program(_ graph: Graph) throws -> Program {
        let pool = ThreadPool(threadCount: 2)
        let shapes = Dictionary(uniqueKeysWithValues: graph.parameters.map { (graph[$0].name, graph.type($0).shape) })
        return try Program(
            graph, parameters: ParameterStore(source: MadeUpParameters(shapes: shapes), pool: pool), options: RuntimeOptions(pool: pool))
    }

    static func inputs(_ graph: Graph) -> [String: Tensor] {
        Dictionary(
            uniqueKeysWithValues: graph.inputs.map { id in
                (graph[id].name, seededTensor(key: graph[id].name + ".weight", shape: graph.type(id).shape, seed: 7))
            })
    }

    private struct MadeUpParameters: ParameterSource {
        var shapes: [String: Shape]
        func parameter(_ key: String) throws -> Tensor { seededTensor(key: key, shape: shapes[key]!, seed: 3) }
    }
}
