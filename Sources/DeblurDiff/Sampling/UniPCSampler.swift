import Foundation
import Tensors

/// UniPC of the second order (Zhao et al., 2023), which predicts as DPM-Solver++ does and corrects each step with the estimate behind it, at no evaluation more; the form of diffusers
/// (`bh2`, `predict_x0`, first order at the last step).
public struct UniPCSampler: Sampler {
    public let schedule: NoiseSchedule
    /// `z` of the step before as it was corrected, and the estimates before, the last one first.
    public var state: [Tensor] = []

    init(schedule: NoiseSchedule) { self.schedule = schedule }

    public mutating func step(_ z: Tensor, estimate: Tensor, step: Int, random: inout TorchGenerator) -> Tensor {
        let corrected = state.isEmpty ? z : corrected(estimate, step)
        let estimates = [estimate] + state.dropFirst()
        state = [corrected] + estimates.prefix(2)
        guard step + 1 < schedule.timesteps.count else { return estimate }
        let (ratio, signal) = (schedule.noise(step + 1) / schedule.noise(step), schedule.signal(step + 1))
        var weights = [1 - ratio]
        if estimates.count > 1 {
            let slope = (1 - ratio) / 2 * schedule.length(step) / schedule.length(step - 1)
            weights = [1 - ratio + slope, -slope]
        }
        return .sum([(signal * ratio / schedule.signal(step), corrected)] + zip(weights, estimates).map { (signal * $0, $1) })
    }

    /// The latent at this step, from that of the step before and the estimates at both ends.
    private func corrected(_ estimate: Tensor, _ step: Int) -> Tensor {
        let h = schedule.length(step - 1)
        let ratio = exp(-h)
        // Terms of the exponential's series: the first two moments of the step, over its share.
        let first = (ratio - 1) / -h - 1
        let (b1, b2) = (first / (ratio - 1), 2 * (first / -h - 0.5) / (ratio - 1))
        let signal = schedule.signal(step)
        // New, last and the one before; each a factor on `1 - ratio`.
        var weights = [0.5, 0.5]
        if state.count > 2 {
            let r = -schedule.length(step - 2) / h
            let older = (b1 - b2) / (1 - r)
            let newer = b1 - older
            weights = [newer, 1 - newer - older / r, older / r]
        }
        let terms = zip(weights, [estimate] + state.dropFirst()).map { (signal * (1 - ratio) * $0, $1) }
        return .sum([(signal * ratio / schedule.signal(step - 1), state[0])] + terms)
    }
}
