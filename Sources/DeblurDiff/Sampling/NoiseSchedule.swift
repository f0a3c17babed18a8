import Files
import Foundation
import Tensors

/// The noise levels of the diffusion process and the sampler's coefficients for a run of a few spaced steps.
///
/// The process has 1000 timesteps; beta runs from 0.00085 to 0.012, linear in its square root. A run keeps `steps` of the
/// timesteps, as ``TimestepSpacing`` chooses them, and gets coefficients for jumping between them (Nichol and Dhariwal, *Improved
/// Denoising Diffusion Probabilistic Models*, 2021). Everything is computed in float64 and then stored as float32, as the
/// released implementation does.
public struct NoiseSchedule: Hashable, Sendable {
    public static let trainingSteps = 1000
    static let firstBeta = 0.00085
    static let lastBeta = 0.0120

    /// The kept timesteps, rising, each in 0...999. All arrays below but ``alphasCumulative`` have one entry for each.
    public let timesteps: [Int]
    /// x0 = a z - b eps: `a = sqrt(1 / acp)`.
    public let a: [Float]
    /// `b = sqrt(1 / acp - 1)`.
    public let b: [Float]
    /// The posterior's mean is c1 x0 + c2 z.
    public let c1: [Float]
    public let c2: [Float]
    /// The posterior's variance, v. The first is 0.
    public let variance: [Float]
    /// The share of signal power left at each of the 1000 timesteps, in float64.
    public let alphasCumulative: [Double]

    /// - `steps`: 1...1000, levels of noise.
    /// - Throws: `InputError` for any other number, and for timesteps that are not as many.
    public init(steps: Int, spacing: TimestepSpacing = .even) throws {
        let full = NoiseSchedule.fullAlphasCumulative
        let kept = try spacing.timesteps(count: steps)
        var (a, b, c1, c2, variance): ([Float], [Float], [Float], [Float], [Float]) = ([], [], [], [], [])
        // The product of the new alphas is the old cumulative alpha up to rounding; it is formed anew because the released
        // code does so.
        var (previousFull, previous) = (1.0, 1.0)
        for timestep in kept {
            let beta = 1 - full[timestep] / previousFull
            let alpha = 1 - beta
            let cumulative = previous * alpha
            a.append(Float((1 / cumulative).squareRoot()))
            b.append(Float((1 / cumulative - 1).squareRoot()))
            variance.append(Float(beta * (1 - previous) / (1 - cumulative)))
            c1.append(Float(beta * previous.squareRoot() / (1 - cumulative)))
            c2.append(Float((1 - previous) * alpha.squareRoot() / (1 - cumulative)))
            (previousFull, previous) = (full[timestep], cumulative)
        }
        timesteps = kept
        (self.a, self.b, self.c1, self.c2, self.variance) = (a, b, c1, c2, variance)
        alphasCumulative = full
    }

    /// The share of signal power left at each of the 1000 timesteps, in float64.
    static let fullAlphasCumulative: [Double] = {
        let (first, last) = (firstBeta.squareRoot(), lastBeta.squareRoot())
        let step = (last - first) / Double(trainingSteps - 1)
        var product = 1.0
        return (0..<trainingSteps).map { timestep in
            let root = timestep == trainingSteps - 1 ? last : Double(timestep) * step + first
            product *= 1 - root * root
            return product
        }
    }()
}
