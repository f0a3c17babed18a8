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

    private let graphs: StagedGraphs
    private let step: Program
    private let model: DeblurDiffModel
    private var table: [Int: [String: Tensor]] = [:]
    /// Made when a condition is prepared and dropped with the first step: its weights are not needed in between.
    private var prologue: Program?

    /// - Parameters:
    ///   - timesteps: all that will be asked for.
    ///   - outputs: which of ``DenoisingStep/outputNames(_:controlCount:)`` a run returns; without, the result alone.
    init(model: DeblurDiffModel, height: Int, width: Int, timesteps: [Int], strength: Float, outputs: Set<String>?) throws {
        self.model = model
        graphs = try model.optimizedStep(height: height, width: width, strength: strength, outputs: outputs)
        step = try model.program(graphs.step)
        let timeTable = try model.program(graphs.timeTable)
        for timestep in timesteps { table[timestep] = try model.run(timeTable, named: "time_table", Self.time(timestep)) }
    }

    private static func time(_ timestep: Int) -> [String: Tensor] { ["timestep": Tensor([Float(timestep)], shape: [1])] }

    /// Computes all that depends on the condition alone.
    func prepare(context: Tensor, image: Tensor) throws -> Condition {
        if prologue == nil { prologue = try model.program(graphs.prologue) }
        let inputs = ["context": context, "c_img": image]
        return Condition(inputs: inputs.merging(try model.run(prologue!, named: "prologue", inputs)) { $1 })
    }

    /// One step: the outputs that were asked for.
    func run(_ z: Tensor, timestep: Int, condition: Condition) throws -> [String: Tensor] {
        prologue = nil
        let inputs = condition.inputs.merging(table[timestep]!) { $1 }.merging(Self.time(timestep)) { $1 }
        return try model.run(step, named: "step", inputs.merging(["z": z]) { $1 })
    }
}
