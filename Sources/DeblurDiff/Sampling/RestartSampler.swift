import Foundation
import Tensors

/// Restart sampling (Xu et al., *Restart Sampling for Improving Generative Processes*, 2023) on Heun's method: near the end noise is added again, and the way down from there is gone
/// once more. What was wrong before is forgotten in the noise; the form is k-diffusion's and stable-diffusion-webui's.
///
///     x' = x + sqrt(top^2 - bottom^2) noise
///
/// It goes up from the level nearest a noise of 0.1, by a quarter of all steps of Heun's, once, and twice where these are 36 or more.
public struct RestartSampler: Sampler {
    /// The noise from which it goes up again.
    private static let bottom = 0.1

    private var heun: HeunSampler
    public var schedule: NoiseSchedule { heun.schedule }
    public var levels: [Int] { heun.levels }
    public var state: [Tensor] {
        get { heun.state }
        set { heun.state = newValue }
    }

    /// - `schedule`: of ``levelCount(steps:)`` levels.
    /// - `steps`: evaluations.
    init(schedule: NoiseSchedule, steps: Int) {
        let (count, again) = (schedule.timesteps.count, RestartSampler.again(steps: steps))
        // Whole steps on the way down, and those above.
        let whole = steps - (steps / 2 + 1) - again.times * again.length
        let nearest = (0..<count).min { abs(log(schedule.noise($0) / RestartSampler.bottom)) < abs(log(schedule.noise($1) / RestartSampler.bottom)) }!
        let bottom = max(min(nearest, whole), again.length)
        let restarts = (0..<again.times).flatMap { _ in bottom - again.length..<bottom }
        let from = again.times == 0 ? Array(0..<whole) : Array(0..<bottom) + restarts + Array(bottom..<whole)
        heun = HeunSampler(schedule: schedule, from: from, then: Array(whole..<count))
    }

    /// How often it goes up again, and over how many levels.
    private static func again(steps: Int) -> (times: Int, length: Int) {
        let whole = steps / 2 + 1
        return (whole < 4 ? 0 : whole < 36 ? 1 : 2, whole / 4)
    }

    /// Different levels of noise among so many steps.
    static func levelCount(steps: Int) -> Int {
        let again = again(steps: steps)
        return steps / 2 + 1 - again.times * again.length
    }

    public mutating func step(_ z: Tensor, estimate: Tensor, step: Int, random: inout TorchGenerator) -> Tensor {
        let next = heun.step(z, estimate: estimate, step: step, random: &random)
        guard step + 1 < levels.count, levels[step + 1] < levels[step] else { return next }
        let (top, bottom) = (levels[step + 1], levels[step])
        let noise = (schedule.noise(top) * schedule.noise(top) - schedule.noise(bottom) * schedule.noise(bottom)).squareRoot()
        return .sum([(schedule.signal(top) / schedule.signal(bottom), next), (schedule.signal(top) * noise, random.randn(z.shape))])
    }
}
