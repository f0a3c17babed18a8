import GraphIR
import GraphPasses
import GraphRuntime
import ModelImport
import Tensors

/// A graph as it was imported and as the passes leave it, with what they did.
public struct GraphStages: Sendable {
    public var imported: Graph
    public var optimized: Graph
    public var statistics: [PassStatistics]
    public var log: [Rewrite]
}

extension DeblurDiffModel {
    /// The graphs that can be looked at: the networks, and the denoising step with what is moved out of it.
    ///
    /// `prologue` runs once an image, `time_table` once a timestep, `step` each step; `epilogue` is the decoder.
    public static let stageNames = DeblurDiffArchitecture.graphNames + ["prologue", "time_table", "step", "epilogue"]

    /// The stages of a graph for images of a size in pixels.
    public func stages(of name: String, height: Int, width: Int) throws -> GraphStages {
        switch name {
        case "step", "prologue", "time_table":
            let imported = try imported("step", height: height, width: width)
            let step = try optimizeStep(imported, level: optimization.level, options: optimization.pipeline)
            let optimized = name == "step" ? step.graphs.step : name == "prologue" ? step.graphs.prologue : step.graphs.timeTable
            return GraphStages(
                imported: name == "step" ? imported : optimized, optimized: optimized, statistics: step.statistics, log: step.log)
        case "epilogue": return try stages(of: "vae_decoder", height: height, width: width)
        default:
            let imported = try imported(name, height: height, width: width)
            let result = try optimize(imported, level: optimization.level, options: optimization.pipeline)
            return GraphStages(imported: imported, optimized: result.graph, statistics: result.statistics, log: result.log)
        }
    }

    /// A network's graph, or that of the whole denoising step, as it is imported, for images of a size in pixels.
    func imported(_ name: String, height: Int, width: Int) throws -> Graph {
        let (height, width) = (paddedLength(height), paddedLength(width))
        if name == "step" {
            let factor = configuration.latentFactor
            return try stepGraph(latent: TensorType(.float32, [1, configuration.latentChannels, height / factor, width / factor]))
        }
        guard let graph = graphs[name] else {
            throw InputError("there is no graph '\(name)'", advice: "The graphs are: " + Self.stageNames.joined(separator: ", "))
        }
        return try graph.specialized(inputTypes(name, height: height, width: width))
    }

    /// The next length that the networks take.
    public func paddedLength(_ length: Int) -> Int { Padding.paddedLength(length, multiple: configuration.imageMultiple) }

    private func inputTypes(_ name: String, height: Int, width: Int) throws -> [String: TensorType] {
        let factor = configuration.latentFactor
        let graph = graphs[name]!
        func resized(_ input: String, _ h: Int, _ w: Int) -> TensorType {
            var type = graph.type(graph.input(input)!)
            (type.shape[2], type.shape[3]) = (h, w)
            return type
        }
        let (h, w) = (height / factor, width / factor)
        switch name {
        case "vae_encoder": return ["image": resized("image", height, width)]
        case "vae_decoder": return ["latent": resized("latent", h, w)]
        case "eac": return ["c_img": resized("c_img", h, w), "kernel": resized("kernel", h, w)]
        case "lkpn", "control_net": return ["x": resized("x", h, w)]
        case "unet":
            let control = try graphs["control_net"]!.specialized(inputTypes("control_net", height: height, width: width))
            return control.outputs.reduce(into: ["x": resized("x", h, w)]) { $0[$1.name] = control.type($1.value) }
        default: return [:]
        }
    }

    /// The graph as it is after a pass has run for the first time.
    public func graph(_ name: String, after pass: String, height: Int, width: Int) throws -> Graph {
        let imported = try name == "step" ? imported(name, height: height, width: width) : stages(of: name, height: height, width: width).imported
        return try PassSnapshot.take(after: pass, of: name, optimization) { options in
            if name == "step" {
                _ = try optimizeStep(imported, level: optimization.level, options: options)
            } else {
                _ = try optimize(imported, level: optimization.level, options: options)
            }
        }
    }

    /// A program for one of the stages.
    public func program(_ graph: Graph) throws -> Program { try Program(graph, parameters: parameters, options: options) }
}
