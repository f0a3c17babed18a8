import Files
import GraphRuntime
import Tensors

/// What the parts of a restoration that is under way share.
final class RestorationSession {
    let model: DeblurDiffModel
    let options: RestorationOptions
    let recorder: Recorder?
    let runner: ProgramRunner
    var meter = WorkMeter(RestorationWork(), steps: 0, report: nil)
    var arenaLimits: ArenaLimits?
    private var phase = RestorationProgress.Phase.encodingText
    /// The program that ran last. It stays until another runs, since the next tile needs it again.
    private var held: (key: ProgramCache.Key, program: Program)?

    init(_ model: DeblurDiffModel, _ options: RestorationOptions, recorder: Recorder?, runner: ProgramRunner) {
        self.model = model
        self.options = options
        self.recorder = recorder
        self.runner = runner
    }

    func enter(_ phase: RestorationProgress.Phase) {
        self.phase = phase
        meter.enter(phase)
        if arenaLimits != nil { runner.releaseMemory() }
    }

    /// What belongs to a phase and is no part of the planned work.
    func aside<Value>(_ phase: RestorationProgress.Phase, _ body: () throws -> Value) rethrows -> Value {
        let (planned, interrupted) = (meter, self.phase)
        meter = WorkMeter(RestorationWork(), steps: 0, report: nil)
        defer {
            (meter, self.phase) = (planned, interrupted)
            if arenaLimits != nil { runner.releaseMemory() }
        }
        enter(phase)
        return try body()
    }

    /// Runs the text encoder or a part of the autoencoder.
    ///
    /// - Parameter inputs: those whose types an image's size decides, and the others.
    func run(_ name: String, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
        let key = ProgramCache.Key(graph: name, inputs: inputs.mapValues(\.type), arenaLimit: arenaLimits?[phase])
        if held?.key != key {
            held = nil  // its weights go before the new ones come
            held = (key, try model.program(key))
        }
        meter.packed()
        return try logger.timed("ran \(name)") { try meter.run { try runner.run(held!.program, named: name, inputs, progress: $0) } }
    }

    /// The weights of the program that ran last are not needed any more.
    func releaseProgram() { held = nil }
}

extension Tensor {
    /// Whether no number of a float32 tensor is infinite or NaN, or so large that sums of squares, which norms take, would become infinite.
    var isSound: Bool {
        // A maximum of integers is taken many at a time; infinity and NaN have the largest exponent.
        withFloats { $0.reduce(UInt32(0)) { max($0, $1.bitPattern & 0x7fff_ffff) } } < (1e15 as Float).bitPattern
    }
}

extension RestorationSession {
    /// Ends a restoration whose numbers are infinite or NaN or about to be: no picture can come of them.
    func requireFinite(_ tensor: Tensor, _ stage: @autoclosure () -> String) throws {
        guard !tensor.isSound else { return }
        var causes: [String] = []
        if options.isGuided { causes.append("`guidanceScale` \(options.guidanceScale)") }
        if options.strength != 1 { causes.append("`strength` \(options.strength)") }
        if let guidance = options.restorationGuidance { causes.append("`restorationGuidance.scale` \(guidance.scale)") }
        let suspicion = causes.isEmpty ? "" : "Try again without \(causes.joined(separator: " and ")). "
        throw InputError(
            "\(stage()) gave numbers that are infinite or NaN, or too large to compute with", at: model.file.path,
            advice: suspicion + "The model may be damaged ('deblurdiff verify' tells), or its weights are too large for float32.")
    }
}

extension DenoisingStep {
    /// Which network of a step put out infinite or NaN numbers, if all before it did not.
    static func network(thatFailedIn stages: [(name: String, tensor: Tensor)]?) -> String {
        guard let stages else { return "one of the networks" }
        return switch stages.first(where: { !$0.tensor.isSound })?.name {
        case nil: "the denoiser (UNet)"
        case "lkpn_kernel": "the kernel prediction network (LKPN)"
        case "eac": "the adaptive convolution (EAC)"
        default: "the control network (ControlNet)"
        }
    }
}
