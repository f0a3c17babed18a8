import Tensors

/// Denoising diffusion implicit models (Song, Meng and Ermon, 2021; equations 12 and 16): the noise that the estimate leaves in `z` is kept but for a part, which is drawn anew.
/// With `eta` 0 no random numbers are needed but those of the start; with 1 it is ``SpacedSampler``, up to rounding. k-diffusion's Euler and ancestral Euler methods are the same in
/// other terms: `x = z / sqrt(acp)`.
///
///     eps = (z - sqrt(acp) x0) / sqrt(1 - acp)
///     s = eta sqrt((1 - acp') / (1 - acp)) sqrt(1 - acp / acp')
///     z' = sqrt(acp') x0 + sqrt(1 - acp' - s^2) eps + s noise
public struct DDIMSampler: Sampler {
    public let schedule: NoiseSchedule
    let eta: Double

    public func step(_ z: Tensor, estimate: Tensor, step: Int, random: inout TorchGenerator) -> Tensor {
        let index = schedule.index(step)
        let now = schedule.alphasCumulative[schedule.timesteps[index]]
        // Behind the last step there is no noise.
        let next = index == 0 ? 1 : schedule.alphasCumulative[schedule.timesteps[index - 1]]
        let drawn = min(1, eta * ((1 - now / next) / (1 - now)).squareRoot()) * (1 - next).squareRoot()
        let kept = (max(0, 1 - next - drawn * drawn) / (1 - now)).squareRoot()
        var terms = [(next.squareRoot() - kept * now.squareRoot(), estimate), (kept, z)]
        if drawn > 0 { terms.append((drawn, Tensor(random.randn(z.type.elementCount), shape: z.shape))) }
        return .sum(terms)
    }
}
