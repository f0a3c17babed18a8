import Tensors

/// A way from noise to an image: which timesteps, and how a latent goes from one to the next.
///
/// A new one is a file and a line in ``SamplerName``.
public protocol Sampler {
    /// In the order of use, the noisiest first, each in 0...999.
    var timesteps: [Int] { get }

    /// The image that is left of `z` without a prediction of its noise.
    func estimate(noise: Tensor, z: Tensor, step: Int) -> Tensor

    /// How fast restoration guidance of a scale pulls a step's estimate.
    func guidanceRate(scale: Float, step: Int) -> Float

    /// The latent behind a step.
    ///
    /// - Parameters:
    ///   - z: the latent before it, [1, C, H, W].
    ///   - estimate: of the sharp image's latent.
    ///   - step: 0 the first, the number of ``timesteps`` less one the last.
    ///   - random: numbers are drawn in the released program's order, also where they are not used.
    mutating func step(_ z: Tensor, estimate: Tensor, step: Int, random: inout TorchGenerator) -> Tensor

    /// What it remembers between steps, for a run that is interrupted.
    var state: [Tensor] { get set }
}

extension Sampler {
    public var state: [Tensor] {
        get { [] }
        set {}
    }
}

/// The samplers by name.
public enum SamplerName: String, CaseIterable, Hashable, Sendable, Codable {
    /// The released program's.
    case spaced
    case ddim

    /// - Parameter steps: 1...1000.
    func make(steps: Int) throws -> any Sampler {
        let schedule = try NoiseSchedule(steps: steps)
        return switch self {
        case .spaced: SpacedSampler(schedule: schedule)
        case .ddim: DDIMSampler(schedule: schedule)
        }
    }
}
