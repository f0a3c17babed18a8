import Tensors

/// Denoising diffusion implicit models (Song, Meng and Ermon, 2021; equation 12 with eta = 0): the noise that the estimate leaves in `z` is kept, and only its
/// amount becomes that of the next timestep. No random numbers but those of the start.
///
///     eps = (z - sqrt(acp) x0) / sqrt(1 - acp)
///     z' = sqrt(acp') x0 + sqrt(1 - acp') eps
public struct DDIMSampler: Sampler {
    public let schedule: NoiseSchedule

    public func step(_ z: Tensor, estimate: Tensor, step: Int, random: inout TorchGenerator) -> Tensor {
        let index = schedule.index(step)
        let now = schedule.alphasCumulative[schedule.timesteps[index]]
        // Behind the last step there is no noise.
        let next = index == 0 ? 1 : schedule.alphasCumulative[schedule.timesteps[index - 1]]
        let (fromEstimate, fromNoise) = (Float(next.squareRoot()), Float(((1 - next) / (1 - now)).squareRoot()))
        let signal = Float(now.squareRoot())
        return Tensor(zip(estimate.floatArray, z.floatArray).map { fromEstimate * $0 + fromNoise * ($1 - signal * $0) }, shape: z.shape)
    }
}
