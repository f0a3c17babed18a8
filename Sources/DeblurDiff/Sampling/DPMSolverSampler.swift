import Foundation
import Tensors

/// DPM-Solver++ with steps of two or three estimates (Lu et al., 2022), as a differential equation without noise (`eta` 0) or with it; the forms and names of k-diffusion.
///
/// In `x = z / sqrt(acp)`, with `q = sigma' / sigma`, `h = -ln q`, the estimate `D`, those before it `D1`, `D2`, and `r` the logarithm of the step before over `h`:
///
///     x' = q^(1 + eta) x + (1 - q^(1 + eta)) (D + (D - D1) / 2 r) + sigma' sqrt(1 - q^(2 eta)) noise
///
/// and with three estimates the quadratic through them.
public struct DPMSolverSampler: Sampler {
    public let schedule: NoiseSchedule
    /// 2 or 3.
    let order: Int
    let eta: Double
    /// The estimates of the steps before, the last one first.
    public var state: [Tensor] = []

    init(schedule: NoiseSchedule, order: Int, eta: Double) { (self.schedule, self.order, self.eta) = (schedule, order, eta) }

    public mutating func step(_ z: Tensor, estimate: Tensor, step: Int, random: inout TorchGenerator) -> Tensor {
        let estimates = [estimate] + state
        state = Array(estimates.prefix(order - 1))
        let (now, next) = (schedule.noise(step), schedule.noise(step + 1))
        guard next > 0 else { return estimate }
        let ratio = next / now
        let kept = pow(ratio, 1 + eta)
        let (before, after) = (schedule.signal(step), schedule.signal(step + 1))
        var terms = zip(weights(step, count: estimates.count), estimates).map { (after * $0, $1) }
        terms.append((after * kept / before, z))
        let drawn = next * max(0, 1 - pow(ratio, 2 * eta)).squareRoot()
        if drawn > 0 { terms.append((after * drawn, random.randn(z.shape))) }
        return .sum(terms)
    }

    /// How much each estimate counts, the newest first; in all `1 - q^(1 + eta)`.
    private func weights(_ step: Int, count: Int) -> [Double] {
        let h = schedule.length(step)
        let share = -expm1(-(1 + eta) * h)
        guard count > 1 else { return [share] }
        let r0 = schedule.length(step - 1) / h
        guard order > 2 else { return [share + share / (2 * r0), -share / (2 * r0)] }
        let whole = (1 + eta) * h
        let phi2 = 1 - share / whole
        guard count > 2 else { return [share + phi2 / r0, -phi2 / r0] }
        let r1 = schedule.length(step - 2) / h
        let phi3 = phi2 / whole - 0.5
        let (first, second) = ((phi2 * (2 * r0 + r1) - phi3) / (r0 + r1) / r0, (phi3 - phi2 * r0) / (r0 + r1) / r1)
        return [share + first, second - first, -second]
    }
}
