import Tensors

/// Heun's method of the second order (Karras et al., 2022, algorithm 1): a step of Euler's, and with a second evaluation at its end once more with the mean of both slopes.
/// The last level, behind which there is no noise, has one evaluation.
///
///     d = (x - D) / sigma,  x2 = x + (sigma' - sigma) d,  d2 = (x2 - D2) / sigma',  x' = x + (sigma' - sigma) (d + d2) / 2
public struct HeunSampler: Sampler {
    public let schedule: NoiseSchedule
    public let levels: [Int]
    /// Between a step's two evaluations, `z` in front of it and its first estimate.
    public var state: [Tensor] = []
    /// From this evaluation on each is a step of its own.
    private let singles: Int

    /// - `schedule`: of half as many levels as steps, and one.
    /// - `steps`: evaluations; where they are even, the last level but one has one as well.
    init(schedule: NoiseSchedule, steps: Int) {
        let whole = steps - schedule.timesteps.count
        self.init(schedule: schedule, from: Array(0..<whole), then: Array(whole..<schedule.timesteps.count))
    }

    /// - Parameters:
    ///   - from: the levels from which whole steps go to the next.
    ///   - then: those of the evaluations behind them.
    init(schedule: NoiseSchedule, from: [Int], then: [Int]) {
        self.schedule = schedule
        levels = from.flatMap { [$0, $0 + 1] } + then
        singles = 2 * from.count
    }

    public mutating func step(_ z: Tensor, estimate: Tensor, step: Int, random: inout TorchGenerator) -> Tensor {
        let level = levels[step]
        guard let (start, first) = state.isEmpty ? nil : (state[0], state[1]) else {
            if step < singles { state = [z, estimate] }
            let (ratio, signal) = (schedule.noise(level + 1) / schedule.noise(level), schedule.signal(level + 1))
            return .sum([(signal * ratio / schedule.signal(level), z), (signal * (1 - ratio), estimate)])
        }
        state = []
        let (before, after, signal) = (schedule.noise(level - 1), schedule.noise(level), schedule.signal(level))
        let half = (after - before) / 2
        return .sum([
            (signal * (1 + half / before) / schedule.signal(level - 1), start), (-signal * half / before, first), (half / after, z),
            (-signal * half / after, estimate),
        ])
    }
}
