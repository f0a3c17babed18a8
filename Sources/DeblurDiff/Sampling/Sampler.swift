import Tensors

/// A way from noise to an image: which timesteps, and how a latent goes from one to the next.
///
/// A new one is a file and a line in ``SamplerChoice``: a schedule and ``step(_:estimate:step:random:)``, and the others where they differ from the released program's.
public protocol Sampler {
    var schedule: NoiseSchedule { get }

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
    public var timesteps: [Int] { schedule.timesteps.reversed() }

    public func estimate(noise: Tensor, z: Tensor, step: Int) -> Tensor {
        let index = schedule.index(step)
        let (a, b) = (schedule.a[index], schedule.b[index])
        return Tensor(zip(z.floatArray, noise.floatArray).map { a * $0 - b * $1 }, shape: z.shape)
    }

    public func guidanceRate(scale: Float, step: Int) -> Float { 3000 * scale / schedule.c1[schedule.index(step)] }

    public var state: [Tensor] {
        get { [] }
        set {}
    }
}

/// A sampler by its name, as a run chooses it. One of your own needs no more than
///
///     let heun = SamplerChoice("heun") { HeunSampler(schedule: $0) }
///     options.sampler = heun
public struct SamplerChoice: Hashable, Sendable {
    /// Told in results. Choices of one name are equal.
    public let name: String
    private let sampler: @Sendable (NoiseSchedule) -> any Sampler

    /// - `sampler`: makes it for a schedule of as many steps as the run has.
    public init(_ name: String, sampler: @escaping @Sendable (_ schedule: NoiseSchedule) -> any Sampler) {
        self.name = name
        self.sampler = sampler
    }

    /// The released program's.
    public static let spaced = SamplerChoice("spaced") { SpacedSampler(schedule: $0) }
    public static let ddim = SamplerChoice("ddim") { DDIMSampler(schedule: $0) }

    /// Those that the command knows.
    public static let all = [spaced, ddim]

    /// - Parameter steps: 1...1000.
    /// - Throws: an `InputError` for any other number.
    func make(steps: Int) throws -> any Sampler { sampler(try NoiseSchedule(steps: steps)) }

    public static func == (a: SamplerChoice, b: SamplerChoice) -> Bool { a.name == b.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension NoiseSchedule {
    /// The entry of a step, 0 the first: steps go down the timesteps.
    public func index(_ step: Int) -> Int { timesteps.count - 1 - step }
}
