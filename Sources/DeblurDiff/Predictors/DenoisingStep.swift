import GraphIR
import GraphPasses
import Operators
import Tensors

/// One step of the sampler as a graph: all networks put together. Of a DeblurDiff:
///
///     kernel = lkpn(concat(c_img, z), timestep, context)
///     eac = EAC(c_img, kernel) + c_img
///     control = control_net(concat(z, c_img, eac), timestep, context) * strength
///     eps = unet(z, timestep, context, control)
///
/// What the control network reads is the ``RestorationSystem``'s: `concat(z, c_img)` with DiffBIR, and with ControlNet `z` and the photograph.
///
/// A denoiser that puts out what `eac` lacks (``Parameterization/residual``) makes `x0` of it:
///
///     x0 = eac + unet(z, timestep, context, control)
public enum DenoisingStep {
    /// How often its parts must run: once a condition, once a timestep, each step.
    public static let hoisting = HoistInvariants(
        stages: [.init("prologue", inputs: ["c_img", "context"]), .init("time_table", inputs: ["timestep"], isTable: true)], rest: "step")

    /// Of its parts, in the order in which they run.
    public static let stageNames = hoisting.stages.map(\.name) + [hoisting.rest]

    /// The parts of ``hoisting``'s rest that a ``StepSchedule`` lets run at some steps alone, in an order in which they can run: names, and prefixes of the nodes that belong to them.
    static func pieces(_ configuration: ModelConfiguration) -> [(name: String, prefixes: [String])] {
        let last = configuration.unet.channelMultipliers.indices.reduce(0) { $0 + configuration.unet.residualBlocks[$1] + 1 } - 1
        let outputBlocks = (0..<last).map { "unet.output_blocks.\($0)" }
        return [
            ("input", ["unet.input_blocks.0"]), ("lkpn", ["lkpn", "eac"]), ("control_net", ["control_net", "strength"]),
            ("encoder", ["unet.input_blocks", "unet.middle_block"]), (sums, ["unet.middle_block.control"] + outputBlocks.map { $0 + ".control" }),
            ("decoder", outputBlocks), ("output", ["unet", "x0"]),
        ]
    }

    /// The piece that adds the control network's outputs to the encoder's.
    static let sums = "sums"

    /// Whether a name is that of a stage, or of one of a cut.
    static func isStage(_ name: String) -> Bool { stageNames.contains(name) || isRest(name) }

    /// Whether it is what runs at each step, or a part of that.
    static func isRest(_ name: String) -> Bool { name == hoisting.rest || !CutStages.pieces(ofStage: name).isEmpty }

    /// All that the graph can put out; a run that records nothing needs the last, its ``result(_:)``, alone.
    public static func outputNames(
        _ parameterization: Parameterization = .noise, system: RestorationSystem = .released, controlCount: Int, without: Set<Ablation> = []
    ) -> [String] {
        system.design.ownOutputs(without: without) + (0..<controlCount).map { "control\($0)" } + [result(parameterization)]
    }

    /// The output from which the sampler goes on.
    public static func result(_ parameterization: Parameterization) -> String {
        switch parameterization {
        case .noise: "eps"
        case .residual, .image: "x0"
        case .velocity: "v"
        }
    }

    /// - `graphs`: those of a model.
    /// - `latent`: the type of `z`.
    /// - `without`: parts that are left out.
    /// - `outputs`: which of ``outputNames(_:system:controlCount:without:)`` to put out; without, the result alone.
    public static func graph(
        _ graphs: [String: Graph], system: RestorationSystem = .released, latent: TensorType, latentFactor: Int = 8,
        parameterization: Parameterization = .noise, strength: Float = 1, outputs: Set<String>? = nil, without: Set<Ablation> = []
    ) throws -> Graph {
        let design = system.design
        var b = GraphBuilder(name: "step")
        let z = b.input("z", latent)
        let image = b.input("c_img", design.condition.type(latent: latent, factor: latentFactor))
        let timestep = b.input("timestep", TensorType(.float32, [1]))
        let unet = graphs["unet"]!
        let context = b.input("context", unet.type(unet.input("context")!))
        var step = StepBuilder(b: b, graphs: graphs, z: z, image: image, shared: ["timestep": timestep, "context": context], without: without)
        let control = try design.control(&step)
        var controls = try step.network("control_net", control.inputs)
        if strength != 1 {
            for (name, value) in controls.sorted(by: { $0.key < $1.key }) {
                controls[name] = try step.b.apply(Scale(factor: strength), value, name: "strength.\(name)")
            }
        }
        var result = try step.network("unet", step.with(z).merging(controls) { $1 })["eps"]!
        if parameterization == .residual {
            guard let estimate = control.estimate else { preconditionFailure("\(design.title) has no residual") }
            result = try step.b.apply(Add(), estimate, result, name: "x0")
        }
        let all = controls.merging(control.outputs) { $1 }.merging([self.result(parameterization): result]) { $1 }
        let outputs = outputs ?? [self.result(parameterization)]
        let names = outputNames(parameterization, system: system, controlCount: controls.count, without: without)
        for name in names where outputs.contains(name) { step.b.output(name, all[name]!) }
        return step.b.graph
    }
}
