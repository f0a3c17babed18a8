import Files
import Foundation
import Tensors

/// The noise levels of the diffusion process and the sampler's coefficients for a run of a few spaced steps.
///
/// The process has 1000 timesteps, see ``DiffusionProcess``. A run keeps `steps` of the timesteps, as ``TimestepSpacing`` chooses them, and gets coefficients for jumping between them (Nichol and Dhariwal, *Improved
/// Denoising Diffusion Probabilistic Models*, 2021). Everything is computed in float64 and then stored as float32, as the
/// released implementation does.
public struct NoiseSchedule: Hashable, Sendable {
    public static let trainingSteps = DiffusionProcess.timesteps

    /// The kept timesteps, rising, each in 0...999. All arrays below but ``alphasCumulative`` have one entry for each.
    public let timesteps: [Int]
    /// x0 = a z - b eps: `a = sqrt(1 / acp)`.
    public let a: [Float]
    /// `b = sqrt(1 / acp - 1)`.
    public let b: [Float]
    /// x0 = signal z - deviation v: `sqrt(acp)`.
    public let signal: [Float]
    /// `sqrt(1 - acp)`.
    public let deviation: [Float]
    /// The posterior's mean is c1 x0 + c2 z.
    public let c1: [Float]
    public let c2: [Float]
    /// The posterior's variance, v. The first is 0.
    public let variance: [Float]
    /// The share of signal power left at each of the 1000 timesteps, in float64.
    public let alphasCumulative: [Double]
    /// The noise of each of them beside the signal, `sqrt(1 / acp - 1)`.
    let noiseLevels: [Double]

    /// - `steps`: 1...1000, levels of noise.
    /// - Throws: `InputError` for any other number, and for timesteps that are not as many.
    public init(steps: Int, spacing: TimestepSpacing = .even, process: DiffusionProcess = .released) throws {
        let full = process.alphasCumulative
        // Where nothing is left of the signal, as much as beside a share of 1e-8.
        let noise = full.map { (1 / ($0 > 0 ? $0 : min(1e-8, full[full.count - 2] / 2)) - 1).squareRoot() }
        let kept = try spacing.timesteps(count: steps, noise: noise)
        var (a, b, c1, c2, variance): ([Float], [Float], [Float], [Float], [Float]) = ([], [], [], [], [])
        var (signal, deviation): ([Float], [Float]) = ([], [])
        // The product of the new alphas is the old cumulative alpha up to rounding; it is formed anew because the released
        // code does so.
        var (previousFull, previous) = (1.0, 1.0)
        for timestep in kept {
            let beta = 1 - full[timestep] / previousFull
            let alpha = 1 - beta
            let cumulative = previous * alpha
            a.append(Float((1 / cumulative).squareRoot()))
            b.append(Float((1 / cumulative - 1).squareRoot()))
            signal.append(Float(cumulative.squareRoot()))
            deviation.append(Float((1 - cumulative).squareRoot()))
            variance.append(Float(beta * (1 - previous) / (1 - cumulative)))
            c1.append(Float(beta * previous.squareRoot() / (1 - cumulative)))
            c2.append(Float((1 - previous) * alpha.squareRoot() / (1 - cumulative)))
            (previousFull, previous) = (full[timestep], cumulative)
        }
        timesteps = kept
        (self.a, self.b, self.c1, self.c2, self.variance) = (a, b, c1, c2, variance)
        (self.signal, self.deviation) = (signal, deviation)
        alphasCumulative = full
        noiseLevels = noise
    }
}
