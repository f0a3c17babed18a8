import GraphPasses
import GraphRuntime
import Tensors

/// The three networks of a denoising step, ready to run on latents of one size.
///
/// What does not change between steps runs once a condition (``prepare(context:image:)``), what depends on the timestep alone
/// once a timestep.
final class Denoiser {
    /// What a step reads that its condition decides.
    final class Condition {
        fileprivate let inputs: [String: Tensor]
        /// The same for the program that puts out the stages.
        fileprivate var forStages: Condition?

        fileprivate init(inputs: [String: Tensor]) { self.inputs = inputs }
    }

    private let graphs: StagedGraphs
    private let step: Program
    private let model: DeblurDiffModel
    private var table: [Int: [String: Tensor]] = [:]
    /// Made when a condition is prepared and dropped with the first step: its weights are not needed in between.
    private var prologue: Program?
    private let makeStages: () throws -> Denoiser
    /// Puts out what the networks pass on to each other. A denoiser of its own: a step with more outputs is fused otherwise, and rounds otherwise.
    private lazy var stages = Result { try makeStages() }

    /// - Parameters:
    ///   - timesteps: all that will be asked for.
    ///   - outputs: which of ``DenoisingStep/outputNames(_:controlCount:)`` a run returns; without, the result alone.
    init(model: DeblurDiffModel, height: Int, width: Int, timesteps: [Int], strength: Float, outputs: Set<String>? = nil) throws {
        self.model = model
        graphs = try model.optimizedStep(height: height, width: width, strength: strength, outputs: outputs)
        step = try model.program(graphs.step)
        let timeTable = try model.program(graphs.timeTable)
        for timestep in timesteps { table[timestep] = try model.run(timeTable, named: "time_table", Self.time(timestep)) }
        makeStages = {
            try Denoiser(
                model: model, height: height, width: width, timesteps: timesteps, strength: strength, outputs: Set(Self.stageNames(of: model)))
        }
    }

    /// All that a step can put out but its result, in the order in which it is computed.
    static func stageNames(of model: DeblurDiffModel) -> [String] {
        DenoisingStep.outputNames(model.configuration.parameterization, controlCount: model.graphs["control_net"]!.outputs.count)
            .filter { $0 != model.stepResult }
    }

    private static func time(_ timestep: Int) -> [String: Tensor] { ["timestep": Tensor([Float(timestep)], shape: [1])] }

    /// Computes all that depends on the condition alone.
    func prepare(context: Tensor, image: Tensor) throws -> Condition {
        if prologue == nil { prologue = try model.program(graphs.prologue) }
        let inputs = ["context": context, "c_img": image]
        return Condition(inputs: inputs.merging(try model.run(prologue!, named: "prologue", inputs)) { $1 })
    }

    /// One step: its result, the noise in `z` or what the model's parameterization says.
    ///
    /// - Parameter progress: told the share of the step that is done.
    func run(_ z: Tensor, timestep: Int, condition: Condition, progress: @escaping (Double) -> Void) throws -> Tensor {
        try outputs(z, timestep, condition, progress)[model.stepResult]!
    }

    /// What the networks pass on to each other in that step, computed anew: kernels, EAC's result and the control network's outputs.
    func stages(_ z: Tensor, timestep: Int, condition: Condition) throws -> [(name: String, tensor: Tensor)] {
        let stages = try stages.get()
        if condition.forStages == nil {
            condition.forStages = try stages.prepare(context: condition.inputs["context"]!, image: condition.inputs["c_img"]!)
        }
        let outputs = try stages.outputs(z, timestep, condition.forStages!)
        return Self.stageNames(of: model).map { ($0, outputs[$0]!) }
    }

    private func outputs(_ z: Tensor, _ timestep: Int, _ condition: Condition, _ progress: ((Double) -> Void)? = nil) throws -> [String: Tensor] {
        prologue = nil
        let inputs = condition.inputs.merging(table[timestep]!) { $1 }.merging(Self.time(timestep)) { $1 }
        return try model.run(step, named: "step", inputs.merging(["z": z]) { $1 }, progress: progress)
    }
}
