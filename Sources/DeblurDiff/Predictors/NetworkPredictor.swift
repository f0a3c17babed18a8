import Files
import GraphRuntime
import Tensors

/// The networks of a denoising step, ready to run on latents of one size. Predictors for several conditions share it.
final class Denoiser {
    private let model: DeblurDiffModel
    private let key: ProgramCache.Key
    private let runner: ProgramRunner
    private let timesteps: [Int: Tensor]
    private let program: StagedProgram
    private let schedule: StepSchedule?
    /// Puts out what the networks pass on to each other. A program of its own: a step with more outputs is fused otherwise, and rounds otherwise.
    private var stagesProgram: StagedProgram?

    /// - Parameters:
    ///   - latent: [1, C, H, W].
    ///   - timesteps: all that will be asked for.
    ///   - schedule: where not all is computed at each step.
    init(
        model: DeblurDiffModel, latent: TensorType, timesteps: [Int], strength: Float, schedule: StepSchedule?, runner: ProgramRunner, arenaLimit: Int?
    ) throws {
        self.model = model
        self.runner = runner
        self.schedule = schedule
        var key = ProgramCache.Key(graph: "step", inputs: ["z": latent], strength: strength, arenaLimit: arenaLimit)
        self.key = key
        key.cut = schedule?.cut(model.configuration)
        self.timesteps = Dictionary(timesteps.map { ($0, Tensor([Float($0)], shape: [1])) }, uniquingKeysWith: { first, _ in first })
        program = try StagedProgram(model, key: key, runner: runner)
        for timestep in timesteps { try program.prepare(["timestep": self.timesteps[timestep]!]) }
    }

    /// All that a step can put out but its result, in the order in which it is computed.
    private var stageNames: [String] {
        let configuration = model.configuration
        let names = DenoisingStep.outputNames(
            configuration.parameterization, system: configuration.system, controlCount: model.graphs["control_net"]!.outputs.count, without: model.without)
        return names.filter { $0 != model.stepResult }
    }

    /// Computes all that depends on a condition alone.
    fileprivate func prepare(_ condition: Condition) throws { try program.prepare(condition.inputs) }

    /// - Parameter kept: of the condition.
    fileprivate func run(
        _ z: Tensor, _ step: SamplerStep, _ condition: Condition, kept: inout StagedProgram.Kept, progress: @escaping (Double) -> Void
    ) throws -> Tensor {
        let inputs = inputs(z, step.timestep, condition)
        guard let schedule else { return try program.run(inputs, kept: &kept, progress: progress)[model.stepResult]! }
        return try program.run(inputs, kept: &kept, keeps: schedule.keeps, runs: { schedule.runs(stage: $0, at: step.index) }, progress: progress)[
            model.stepResult]!
    }

    /// Computes again what was kept of a step.
    fileprivate func replay(_ z: Tensor, _ step: SamplerStep, stages: Set<String>, _ condition: Condition, kept: inout StagedProgram.Kept) throws {
        guard let schedule else { return }
        _ = try program.run(inputs(z, step.timestep, condition), kept: &kept, keeps: schedule.keeps, runs: stages.contains)
    }

    /// Operations of a step, where steps are not alike.
    fileprivate func operations(_ step: SamplerStep) -> Double? {
        schedule.map { schedule in program.operations { schedule.runs(stage: $0, at: step.index) } }
    }

    /// What the networks pass on to each other in that step, computed anew: kernels, EAC's result and the control network's outputs.
    fileprivate func stages(_ z: Tensor, _ timestep: Int, _ condition: Condition) throws -> [(name: String, tensor: Tensor)] {
        var key = key
        key.outputs = Set(stageNames)
        let program = try stagesProgram ?? StagedProgram(model, key: key, runner: runner)
        stagesProgram = program
        var none: StagedProgram.Kept = [:]
        let outputs = try program.run(inputs(z, timestep, condition), kept: &none)
        return stageNames.map { ($0, outputs[$0]!) }
    }

    private func inputs(_ z: Tensor, _ timestep: Int, _ condition: Condition) -> [String: Tensor] {
        condition.inputs.merging(["z": z, "timestep": timesteps[timestep]!]) { $1 }
    }

    /// Another photograph comes.
    func forgetConditions() {
        program.forgetResults(dependingOn: "c_img")
        stagesProgram?.forgetResults(dependingOn: "c_img")
    }
}

/// What the networks are told beside the noisy latent: the text, and of the photograph its latent or itself.
struct Condition {
    var context: Tensor
    var image: Tensor

    var inputs: [String: Tensor] { ["context": context, "c_img": image] }
}

/// The networks, for one condition.
final class NetworkPredictor: NoisePredictor {
    private let denoiser: Denoiser
    private let condition: Condition
    private let session: RestorationSession
    private var kept: StagedProgram.Kept = [:]

    init(_ denoiser: Denoiser, _ condition: Condition, session: RestorationSession) throws {
        self.denoiser = denoiser
        self.condition = condition
        self.session = session
        try denoiser.prepare(condition)
    }

    func predict(_ z: Tensor, _ step: SamplerStep) throws -> Tensor {
        session.recorder?.record("unet_in", z)
        let result = try logger.timed("ran the networks, \(step.place)") {
            try session.meter.run(operations: denoiser.operations(step)) { try denoiser.run(z, step, condition, kept: &kept, progress: $0) }
        }
        if let recorder = session.recorder, recorder.wantsStages(ofStep: step.index) {
            for (name, tensor) in try denoiser.stages(z, step.timestep, condition) { recorder.record(name, tensor) }
            recorder.record(session.model.stepResult, result)
        }
        if !result.isSound {
            let stages = try? denoiser.stages(z, step.timestep, condition)
            try session.requireFinite(result, "\(step.place): \(DenoisingStep.network(thatFailedIn: stages))")
        }
        return result
    }

    func replay(_ z: Tensor, _ step: SamplerStep, stages: Set<String>) throws { try denoiser.replay(z, step, stages: stages, condition, kept: &kept) }
}
