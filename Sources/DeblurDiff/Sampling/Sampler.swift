import Files
import Foundation
import Tensors

/// A way from noise to an image: which levels of noise, and how a latent goes from one to the next.
///
/// A new one is a file and a line in ``SamplerChoice``: a schedule and ``step(_:estimate:step:random:)``, and the others where they differ from the released program's.
public protocol Sampler {
    var schedule: NoiseSchedule { get }

    /// The level of noise at each step, in the schedule: 0 the noisiest. A step is one evaluation of the networks.
    var levels: [Int] { get }

    /// The image that a prediction says is in `z`.
    func estimate(_ prediction: Tensor, _ kind: Parameterization, z: Tensor, step: Int) -> Tensor

    /// How fast restoration guidance of a scale pulls a step's estimate.
    func guidanceRate(scale: Float, step: Int) -> Float

    /// The latent behind a step.
    ///
    /// - Parameters:
    ///   - z: the latent before it, [1, C, H, W].
    ///   - estimate: of the sharp image's latent.
    ///   - step: 0 the first, the number of ``levels`` less one the last.
    ///   - random: numbers are drawn in the order of the program that the sampler follows.
    mutating func step(_ z: Tensor, estimate: Tensor, step: Int, random: inout TorchGenerator) -> Tensor

    /// What it remembers between steps, for a run that is interrupted.
    var state: [Tensor] { get set }
}

extension Sampler {
    public var levels: [Int] { Array(schedule.timesteps.indices) }

    /// In the order of use, the noisiest first, each in 0...999.
    public var timesteps: [Int] { levels.map { schedule.timesteps[schedule.index($0)] } }

    public func estimate(_ prediction: Tensor, _ kind: Parameterization, z: Tensor, step: Int) -> Tensor {
        let index = schedule.index(levels[step])
        let (a, b): (Float, Float)
        switch kind {
        case .image, .residual: return prediction
        case .noise: (a, b) = (schedule.a[index], schedule.b[index])
        case .velocity: (a, b) = (schedule.signal[index], schedule.deviation[index])
        }
        return z.withFloats { z in
            prediction.withFloats { p in
                Tensor(prediction.type) { (x: UnsafeMutableBufferPointer<Float>) in for index in x.indices { x[index] = a * z[index] - b * p[index] } }
            }
        }
    }

    public func guidanceRate(scale: Float, step: Int) -> Float { 3000 * scale / schedule.c1[schedule.index(levels[step])] }

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
    /// How much of the noise is drawn anew at each step, where a run does not say; nil for a sampler that cannot be told.
    public let standardEta: Double?
    /// How many levels of noise are gone through in so many steps.
    private let levels: @Sendable (_ steps: Int) -> Int
    private let sampler: @Sendable (_ schedule: NoiseSchedule, _ eta: Double, _ steps: Int) -> any Sampler

    private init(
        _ name: String, eta: Double?, levels: @escaping @Sendable (_ steps: Int) -> Int,
        sampler: @escaping @Sendable (_ schedule: NoiseSchedule, _ eta: Double, _ steps: Int) -> any Sampler
    ) {
        (self.name, standardEta, self.levels, self.sampler) = (name, eta, levels, sampler)
    }

    /// - `sampler`: makes it for a schedule of as many levels of noise as the run has steps.
    public init(_ name: String, sampler: @escaping @Sendable (_ schedule: NoiseSchedule) -> any Sampler) {
        self.init(name, eta: nil, levels: { $0 }, sampler: { schedule, _, _ in sampler(schedule) })
    }

    /// - `eta`: how much of the noise it draws anew, where a run does not say.
    public init(_ name: String, eta: Double, sampler: @escaping @Sendable (_ schedule: NoiseSchedule, _ eta: Double) -> any Sampler) {
        self.init(name, eta: eta, levels: { $0 }, sampler: { schedule, eta, _ in sampler(schedule, eta) })
    }

    /// The released program's.
    public static let spaced = SamplerChoice("spaced") { SpacedSampler(schedule: $0) }
    public static let ddim = SamplerChoice("ddim", eta: 0) { DDIMSampler(schedule: $0, eta: $1) }

    /// Those that the command knows.
    public static let all = [
        spaced, ddim,
        SamplerChoice("dpm++2m") { DPMSolverSampler(schedule: $0, order: 2, eta: 0) },
        SamplerChoice("dpm++2m-sde", eta: 1) { DPMSolverSampler(schedule: $0, order: 2, eta: $1) },
        SamplerChoice("dpm++3m-sde", eta: 1) { DPMSolverSampler(schedule: $0, order: 3, eta: $1) },
        SamplerChoice("unipc") { UniPCSampler(schedule: $0) },
        SamplerChoice("euler") { DDIMSampler(schedule: $0, eta: 0) },
        SamplerChoice("euler-a", eta: 1) { DDIMSampler(schedule: $0, eta: $1) },
        SamplerChoice("heun", eta: nil, levels: { $0 / 2 + 1 }, sampler: { HeunSampler(schedule: $0, steps: $2) }),
        SamplerChoice("restart", eta: nil, levels: RestartSampler.levelCount, sampler: { RestartSampler(schedule: $0, steps: $2) }),
    ]

    /// Steps, evaluations of the networks, that go down so many levels of noise; the fewest with which each but the last has all that the method gives it.
    public func steps(levels count: Int) -> Int {
        let fewest = (1...).first { levels($0) == count }!
        // Of two with as many levels, the larger one takes two evaluations at the last level but one, too.
        return count > 1 && levels(fewest + 1) == count ? fewest + 1 : fewest
    }

    /// - Throws: an `InputError` for steps that are not 1...1000, and for timesteps that are not as many.
    func make(_ options: RestorationOptions, _ process: DiffusionProcess) throws -> any Sampler {
        guard options.eta == nil || standardEta != nil else {
            throw InputError("the sampler '\(name)' draws no noise, or as much as it must", at: "`eta`", advice: "Leave it out.")
        }
        guard options.steps > 0 else { throw InputError("the number of steps must be positive, not \(options.steps)", at: "`steps`") }
        let eta = options.eta ?? standardEta ?? 0
        guard eta.isFinite, eta >= 0 else { throw InputError("must be 0 or more, not \(eta)", at: "`eta`") }
        return sampler(try NoiseSchedule(steps: levels(options.steps), spacing: options.spacing, process: process), eta, options.steps)
    }

    public static func == (a: SamplerChoice, b: SamplerChoice) -> Bool { a.name == b.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension NoiseSchedule {
    /// The entry of a level: 0, the noisiest, is the last.
    public func index(_ level: Int) -> Int { timesteps.count - 1 - level }

    /// The deviation of a level's noise beside a signal of 1, `sigma = sqrt(1 / acp - 1)`; 0 behind the last level.
    public func noise(_ level: Int) -> Double { level < timesteps.count ? noiseLevels[timesteps[index(level)]] : 0 }

    /// The logarithm of how much noise goes between a level and the next.
    func length(_ level: Int) -> Double { log(noise(level) / noise(level + 1)) }

    /// A level's share of signal in `z`, `sqrt(acp)`: the solvers' `x` is `z` divided by it.
    public func signal(_ level: Int) -> Double { 1 / (1 + noise(level) * noise(level)).squareRoot() }
}

extension Tensor {
    /// The sum of tensors of one shape, each times a factor.
    static func sum(_ terms: [(factor: Double, tensor: Tensor)]) -> Tensor {
        Tensor(TensorType(.float32, terms[0].tensor.shape)) { (result: UnsafeMutableBufferPointer<Float>) in
            for (factor, tensor) in terms {
                let factor = Float(factor)
                tensor.withFloats { values in for index in result.indices { result[index] += factor * values[index] } }
            }
        }
    }
}
