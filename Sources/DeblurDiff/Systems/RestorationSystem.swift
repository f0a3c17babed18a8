import Files
import GraphIR
import Tensors

/// Published systems whose networks are made of the same parts: a control network beside Stable Diffusion's denoiser. They differ in what tells it of the photograph, and
/// in what goes on around the networks.
///
/// Another one is a file with its ``SystemDesign``, and its lines here.
public enum RestorationSystem: String, ArchitectureOption {
    /// The blurred image's latent, and what an adaptive convolution makes of it with predicted kernels (the system that this project is named after).
    case deblurDiff = "deblurdiff"
    /// The photograph's latent (Lin et al., *DiffBIR: Towards Blind Image Restoration with Generative Diffusion Prior*, 2024; its IRControlNet).
    case diffBIR = "diffbir"
    /// The photograph itself, through a few convolutions (Zhang et al., *Adding Conditional Control to Text-to-Image Diffusion Models*, 2023).
    case controlNet = "controlnet"

    public static let released = deblurDiff

    /// What it does its own way.
    var design: any SystemDesign {
        switch self {
        case .deblurDiff: DeblurDiffSystem()
        case .diffBIR: DiffBIRSystem()
        case .controlNet: ControlNetSystem()
        }
    }

    /// As its authors write it.
    public var title: String { design.title }

    /// The system with a control network that reads so many channels beside the noisy latent's.
    static func reading(hintChannels: Int, latent: Int) -> RestorationSystem? {
        allCases.first { $0.design.hintChannels(latent: latent) == hintChannels }
    }
}

/// What a system does its own way.
protocol SystemDesign: Sendable {
    var title: String { get }

    /// What the control network is told of the photograph, as the step's input `c_img`.
    var condition: PhotographCondition { get }

    /// Channels that the control network reads beside the noisy latent's, or those of the picture that it reads.
    func hintChannels(latent: Int) -> Int
    /// What these are, for messages.
    var hintWords: String { get }

    /// The sides of the windows that transformers see of a larger image; nil where they see all of it.
    var windows: TransformerWindows? { get }

    /// Whether the autoencoder is given images in -1...1, as it was trained, or in 0...1.
    var encodesSigned: Bool { get }

    /// Whether a better start is the condition with noise, or the image's low frequencies with noise.
    var startsFromCondition: Bool { get }

    /// The released model.
    var released: ModelConfiguration { get }

    /// What a configuration of this system says beyond what all do.
    ///
    /// - Throws: an `InputError` for what does not fit.
    func validate(_ configuration: ModelConfiguration) throws

    // MARK: The system's own graphs, none for most.

    /// In the order in which a step uses them, before the control network.
    var ownGraphs: [String] { get }

    /// Parts that a step can do without.
    var parts: Set<Ablation> { get }

    /// What ``ownGraphs`` put out in a step, in their order.
    func ownOutputs(without: Set<Ablation>) -> [String]

    /// One of ``ownGraphs``, for a latent of h x w positions.
    func graph(_ name: String, _ configuration: ModelConfiguration, h: Int, w: Int) throws -> Graph

    /// What the control network reads in a step.
    func control(_ step: inout StepBuilder) throws -> ControlInputs
}

extension SystemDesign {
    var windows: TransformerWindows? { nil }
    var encodesSigned: Bool { true }
    var startsFromCondition: Bool { false }
    var ownGraphs: [String] { [] }
    var parts: Set<Ablation> { [] }
    func ownOutputs(without: Set<Ablation>) -> [String] { [] }
    func graph(_ name: String, _ configuration: ModelConfiguration, h: Int, w: Int) throws -> Graph { preconditionFailure("there is no graph '\(name)'") }

    func validate(_ configuration: ModelConfiguration) throws { try requireNoLKPN(configuration) }

    func requireNoLKPN(_ configuration: ModelConfiguration) throws {
        guard configuration.lkpn == nil else { throw InputError("is there, but \(title) has no such network", at: "lkpn_cfg") }
        guard configuration.parameterization != .residual else {
            throw InputError("is 'residual', but \(title) has no adaptive convolution whose result could lack anything", at: "parameterization")
        }
    }
}

/// What a control network is told of a photograph.
enum PhotographCondition: Sendable {
    /// A latent drawn from the encoder's distribution.
    case drawnLatent
    /// The mean of that distribution.
    case meanLatent
    /// The photograph, in 0...1.
    case pixels

    /// The input's type beside a noisy latent.
    ///
    /// - Parameter factor: image pixels along a side of a latent position.
    func type(latent: TensorType, factor: Int) -> TensorType {
        guard self == .pixels else { return latent }
        return TensorType(.float32, [1, 3, latent.shape[2] * factor, latent.shape[3] * factor])
    }
}

/// The side of the largest window that a transformer sees at once, for a level. Larger images are cut into overlapping windows.
struct TransformerWindows: Sendable {
    var denoiser: @Sendable (_ level: Int) -> Int
    var controlNet: @Sendable (_ level: Int) -> Int
}

/// A step's graph while it is written.
struct StepBuilder {
    var b: GraphBuilder
    let graphs: [String: Graph]
    /// The step's inputs: the noisy latent, the condition, and what all networks take.
    let z: ValueID
    let image: ValueID
    let shared: [String: ValueID]
    /// Parts that are left out.
    let without: Set<Ablation>

    /// Puts a network in here.
    mutating func network(_ name: String, _ inputs: [String: ValueID]) throws -> [String: ValueID] {
        b.enterScope(name)
        defer { b.leaveScope() }
        return try b.inline(graphs[name]!, inputs: inputs)
    }

    /// The inputs of a network that reads `x`, a timestep and the text.
    func with(_ x: ValueID) -> [String: ValueID] { shared.merging(["x": x]) { $1 } }
}

/// What a system's own graphs make in a step.
struct ControlInputs {
    /// The inputs of `control_net`.
    var inputs: [String: ValueID]
    /// What a denoiser that puts out a residual adds it to.
    var estimate: ValueID?
    /// By the names that ``SystemDesign/ownOutputs(without:)`` has.
    var outputs: [String: ValueID] = [:]
}
