import GraphIR
import GraphPasses
import GraphRuntime
import Operators
import Tensors

/// Compares two ways of running a model, node by node on the same inputs.
public struct ModelComparison {
    /// The values of one network, in the order in which the second way computes them.
    public struct Part: Sendable {
        public var name: String
        public var differences: [ProgramComparison.Difference]
        /// The rewrites of the second way, to name the one behind a difference.
        public var log: [Rewrite]

        /// The first value beyond a tolerance, and the pass whose rewrite made the node.
        public func first(over tolerance: Double) -> (difference: ProgramComparison.Difference, pass: String?)? {
            guard let difference = differences.first(where: { $0.relativeError > tolerance }) else { return nil }
            return (difference, log.last { $0.after.contains { $0.name == difference.name } }?.pass)
        }
    }

    /// Encoder, one denoising step from noise, and decoder.
    ///
    /// - `pixels`: [1, 3, H, W] in 0...1, padded.
    /// - `finished`: told each part.
    public static func run(
        reference: DeblurDiffModel, against model: DeblurDiffModel, pixels: Tensor, timestep: Int = 999, finished: (Part) throws -> Void
    ) throws {
        let (height, width) = (pixels.shape[2], pixels.shape[3])
        let (h, w) = (height / model.configuration.latentFactor, width / model.configuration.latentFactor)
        let channels = model.configuration.latentChannels
        var random = TorchGenerator(seed: 231)
        let tokens = Tensor(Tokenizer.empty(model.configuration.textEncoder.contextLength), shape: [1, model.configuration.textEncoder.contextLength])

        let (first, second) = (Workspace(), Workspace())
        func compare(_ name: String, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
            let plain = try reference.stages(of: name, height: height, width: width).optimized
            let stages = try model.stages(of: name, height: height, width: width)
            let program = try model.program(stages.optimized)
            var comparison = try ProgramComparison(
                reference: reference.program(plain), inputs: inputs, in: first, names: names([stages.optimized], reference: plain))
            var differences: [ProgramComparison.Difference] = []
            let outputs = try program.run(inputs, in: second) { observe($0, program, &comparison, &differences) }
            try finished(Part(name: name, differences: differences, log: stages.log))
            return outputs
        }
        let context = try compare("text_encoder", ["tokens": tokens])["context"]!
        let moments = try compare("vae_encoder", ["image": pixels])["moments"]!
        let size = channels * h * w
        let latent = Tensor(moments.floatArray.prefix(size).map { $0 * Float(model.configuration.latentScaleFactor) }, shape: [1, channels, h, w])
        let image = model.configuration.system.design.condition == .pixels ? pixels : latent
        let z = Tensor(random.randn(size), shape: latent.shape)

        let inputs = ["z": z, "c_img": image, "context": context, "timestep": Tensor([Float(timestep)], shape: [1])]
        let key = ProgramCache.Key(graph: "step", inputs: ["z": z.type])
        let optimized = try model.optimizedStep(key)
        let whole = try reference.imported(key)
        // The reference is one program, whatever its level, so that every value is met in one run.
        let plain = try Pipeline.standard(level: reference.optimization.level).run(whole, options: reference.optimization.pipeline).graph
        let graphs = optimized.graphs.stages.map(\.graph)
        var comparison = try ProgramComparison(
            reference: reference.program(plain), inputs: inputs, in: first, names: names(graphs, reference: plain))
        var differences: [ProgramComparison.Difference] = []
        var values = inputs
        for graph in graphs {
            let program = try model.program(graph)
            values.merge(try program.run(values, in: second) { observe($0, program, &comparison, &differences) }) { $1 }
        }
        try finished(Part(name: "step", differences: differences, log: optimized.log))
        _ = try compare("vae_decoder", ["latent": Tensor(random.randn(size), shape: latent.shape)])
    }

    /// The results that both sides have. A layer that has taken in a residual behind a view keeps its name but is another value.
    private static func names(_ graphs: [Graph], reference: Graph) -> Set<String> {
        func hasResidual(_ node: Node) -> Bool { (node.op as? any FusedOp)?.epilogue?.contains(.addResidual) == true }
        var plainLayers: Set<String> = []
        for id in reference.order where (reference[id].op is Linear || reference[id].op is Conv2D) && !hasResidual(reference[id]) {
            plainLayers.insert(reference.name(of: id))
        }
        var names: Set<String> = []
        for graph in graphs {
            for id in graph.order where !(hasResidual(graph[id]) && plainLayers.contains(graph.name(of: id))) {
                names.formUnion(graph[id].results.map { graph[$0].name })
            }
        }
        return names
    }

    private static func observe(
        _ report: Program.StepReport, _ program: Program, _ comparison: inout ProgramComparison,
        _ differences: inout [ProgramComparison.Difference]
    ) {
        var results: [Tensor]?
        for (index, id) in report.step.values.enumerated() {
            func value() -> Tensor {
                if results == nil { results = report.results }
                return results![index]
            }
            if let difference = comparison.compare(program.graph[id].name, value()) { differences.append(difference) }
        }
    }
}
