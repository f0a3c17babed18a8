import Foundation

/// How noise grows over the 1000 timesteps that a denoiser was trained with, as the released code's `Diffusion` names it.
///
/// `beta` is the share of noise that a timestep adds; what is left of the signal's power, `acp`, is the product of all `1 - beta` so far. All is computed in float64, in the order of
/// the released code.
public struct DiffusionProcess: ReleasedDefault {
    /// How beta runs from ``firstBeta`` to ``lastBeta``.
    public enum Schedule: String, CaseIterable, Codable, Sendable {
        /// Linear in its square root.
        case linear
        case linearInBeta = "sqrt_linear"
        /// The square root of numbers that run so.
        case squareRoot = "sqrt"
        /// `acp` is a squared cosine (Nichol and Dhariwal, 2021), and no beta above 0.999.
        case cosine
    }

    public static let timesteps = 1000

    public var schedule = Schedule.linear
    public var firstBeta = 0.00085
    public var lastBeta = 0.0120
    /// Of the cosine: how far before its top it begins.
    public var cosineOffset = 8e-3
    /// No signal is left at the last timestep (Lin et al., *Common Diffusion Noise Schedules and Sample Steps are Flawed*, 2023; algorithm 1).
    public var endsInNoise = false

    public init() {}

    /// The released model's, which is Stable Diffusion's.
    public static let released = DiffusionProcess()

    /// Of each timestep.
    var betas: [Double] {
        let count = DiffusionProcess.timesteps
        func ramp(_ first: Double, _ last: Double) -> [Double] {
            let step = (last - first) / Double(count - 1)
            return (0..<count).map { $0 == count - 1 ? last : Double($0) * step + first }
        }
        switch schedule {
        case .linear: return ramp(firstBeta.squareRoot(), lastBeta.squareRoot()).map { $0 * $0 }
        case .linearInBeta: return ramp(firstBeta, lastBeta)
        case .squareRoot: return ramp(firstBeta, lastBeta).map { $0.squareRoot() }
        case .cosine:
            let squares = (0...count).map { pow(cos((Double($0) / Double(count) + cosineOffset) / (1 + cosineOffset) * .pi / 2), 2) }
            let signal = squares.map { $0 / squares[0] }
            return zip(signal, signal.dropFirst()).map { min(max(1 - $1 / $0, 0), 0.999) }
        }
    }

    /// The share of signal power that is left at each timestep.
    public var alphasCumulative: [Double] {
        func products(_ betas: [Double]) -> [Double] {
            var product = 1.0
            return betas.map { beta in
                product *= 1 - beta
                return product
            }
        }
        let plain = products(betas)
        guard endsInNoise else { return plain }
        let roots = plain.map { $0.squareRoot() }
        let (first, last) = (roots[0], roots[roots.count - 1])
        let scaled = roots.map { ($0 - last) * (first / (first - last)) }.map { $0 * $0 }
        return products(zip(scaled, [1] + scaled).map { 1 - $0 / $1 })
    }
}
