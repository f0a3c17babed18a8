import Files
import Foundation

/// Which of the 1000 timesteps a run visits. Every spacing gives as many different ones as are asked for; their noise is that of the timestep, also where the idea behind a spacing
/// is in noise levels: those are rounded to the nearest timestep, since networks are trained on these.
public enum TimestepSpacing: Hashable, Sendable {
    /// Evenly spaced with both ends, as in the released program.
    case even
    /// Evenly spaced from 999, without 0 (`linspace(999, 0, n, endpoint=False)`), as DiffBIR's EDM samplers take them.
    case trailing
    /// Evenly spaced in the seventh root of the noise level (Karras et al., 2022, equation 5 with rho = 7): more steps where there is little noise.
    case karras
    /// Evenly spaced in the logarithm of the noise level.
    case exponential
    /// The ten levels that Sabour et al., *Align Your Steps*, 2024, found for Stable Diffusion 1.5, whose process is the same; between them by the logarithm.
    case alignYourSteps
    /// More steps early and late: `999 (1 + cos(pi u)) / 2`.
    case ends
    /// These, falling.
    case list([Int])

    /// Those with a name, in the order of the documentation.
    public static let named: [(name: String, spacing: TimestepSpacing)] = [
        ("even", .even), ("trailing", .trailing), ("karras", .karras), ("exponential", .exponential), ("align-your-steps", .alignYourSteps), ("ends", .ends),
    ]

    public var name: String {
        if case .list(let timesteps) = self { return timesteps.map(String.init).joined(separator: ",") }
        return TimestepSpacing.named.first { $0.spacing == self }!.name
    }

    /// - `count`: 1...1000.
    /// - `noise`: of every timestep beside the signal.
    /// - Returns: rising, each in 0...999, all different.
    /// - Throws: an `InputError` for another count, and for a list that does not fall or has another length.
    func timesteps(count: Int, noise: [Double]) throws -> [Int] {
        let last = NoiseSchedule.trainingSteps - 1
        guard (1...last + 1).contains(count) else {
            throw InputError("the number of steps must be 1 to \(last + 1), not \(count)", at: "`steps`")
        }
        /// 0 for the first, 1 for the last.
        func share(_ index: Int) -> Double { count == 1 ? 0 : Double(index) / Double(count - 1) }
        func levels(_ level: (Double) -> Double) -> [Int] {
            TimestepSpacing.separated((0..<count).map { TimestepSpacing.timestep(noise: level(share($0)), in: noise) })
        }
        let (most, least) = (noise[last], noise[0])
        switch self {
        case .even:
            // The stride is added up, as in the released code: for 283 of all counts one sum or more lies on the other side of a half than the multiple.
            let stride = Double(last) / Double(max(count - 1, 1))
            return sequence(first: 0.0) { $0 + stride }.prefix(count).map { Int($0.rounded(.toNearestOrEven)) }
        case .trailing:
            return TimestepSpacing.separated((0..<count).map { Int((Double(last) * (1 - Double($0) / Double(count))).rounded(.toNearestOrEven)) })
        case .karras:
            let (first, last) = (pow(most, 1 / 7.0), pow(least, 1 / 7.0))
            return levels { pow(first + $0 * (last - first), 7) }
        case .exponential: return levels { exp(log(most) + $0 * (log(least) - log(most))) }
        case .alignYourSteps:
            let known = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029].map { log($0) }
            return levels {
                let place = $0 * Double(known.count - 1)
                let below = min(Int(place), known.count - 2)
                return exp(known[below] + (place - Double(below)) * (known[below + 1] - known[below]))
            }
        case .ends: return TimestepSpacing.separated((0..<count).map { Int((Double(last) * (1 + cos(.pi * share($0))) / 2).rounded()) })
        case .list(let timesteps):
            guard timesteps.count == count else {
                throw InputError("\(timesteps.count) timesteps are named for \(count) levels of noise", at: "`spacing`")
            }
            guard timesteps.allSatisfy((0...last).contains), zip(timesteps, timesteps.dropFirst()).allSatisfy(>) else {
                throw InputError("must be falling numbers of 0 to \(last)", at: "`spacing`")
            }
            return timesteps.reversed()
        }
    }

    /// The nearest by the logarithm of the noise.
    private static func timestep(noise wanted: Double, in noise: [Double]) -> Int {
        let above = noise.firstIndex { $0 >= wanted } ?? noise.count - 1
        guard above > 0 else { return 0 }
        return log(wanted / noise[above - 1]) < log(noise[above] / wanted) ? above - 1 : above
    }

    /// Those of falling timesteps that are the same or too many move as little as they must to be different.
    private static func separated(_ falling: [Int]) -> [Int] {
        var result = falling
        for index in result.indices {
            // So many follow, down to 0.
            result[index] = max(result[index], result.count - 1 - index)
            if index > 0 { result[index] = min(result[index], result[index - 1] - 1) }
        }
        return result.reversed()
    }
}
