import GraphPasses
import GraphRuntime
import Tensors

/// The three networks of a denoising step, ready to run on latents of one size.
///
/// What does not change between steps runs once a condition (``prepare(context:image:)``), what depends on the timestep alone
/// once a timestep.
final class Denoiser {
    /// What a step reads that its condition decides.
    struct Condition {
        fileprivate var inputs: [String: Tensor]
    }

    private let prologue: Program
    private let timeTable: Program
    private let step: Program
    private let workspace: Workspace
    private var table: [Int: [String: Tensor]] = [:]

    /// - Parameter outputs: which of ``DenoisingStep/outputNames(controlCount:)`` a run returns.
    init(model: DeblurDiffModel, height: Int, width: Int, strength: Float, outputs: Set<String>) throws {
        let graphs = try model.optimizedStep(height: height, width: width, strength: strength, outputs: outputs).graphs
        prologue = try Program(graphs.prologue, parameters: model.parameters, options: model.options)
        timeTable = try Program(graphs.timeTable, parameters: model.parameters, options: model.options)
        step = try Program(graphs.step, parameters: model.parameters, options: model.options)
        workspace = model.workspace
    }

    /// Computes all that depends on the condition alone.
    func prepare(context: Tensor, image: Tensor) throws -> Condition {
        let inputs = ["context": context, "c_img": image]
        return Condition(inputs: inputs.merging(try prologue.run(inputs, in: workspace)) { $1 })
    }

    /// One step: the outputs that were asked for.
    func run(_ z: Tensor, timestep: Int, condition: Condition) throws -> [String: Tensor] {
        let time = ["timestep": Tensor([Float(timestep)], shape: [1])]
        if table[timestep] == nil { table[timestep] = try timeTable.run(time, in: workspace) }
        let inputs = condition.inputs.merging(table[timestep]!) { $1 }.merging(time) { $1 }
        return try step.run(inputs.merging(["z": z]) { $1 }, in: workspace)
    }
}
