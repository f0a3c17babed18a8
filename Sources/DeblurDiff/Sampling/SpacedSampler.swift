import Tensors

/// Draws each step from the posterior of the diffusion process over a few spaced timesteps (Nichol and Dhariwal, *Improved Denoising Diffusion Probabilistic
/// Models*, 2021): the mean `c1 x0 + c2 z` and noise of variance `v`, none at the last step.
public struct SpacedSampler: Sampler {
    public let schedule: NoiseSchedule

    public func step(_ z: Tensor, estimate: Tensor, step: Int, random: inout TorchGenerator) -> Tensor {
        let index = schedule.index(step)
        let (c1, c2) = (schedule.c1[index], schedule.c2[index])
        var next = random.randn(z.shape)  // drawn at the last step too
        let deviation = index == 0 ? 0 : schedule.variance[index].squareRoot()
        estimate.withFloats { x in
            z.withFloats { y in next.withMutableFloats { next in for i in next.indices { next[i] = c1 * x[i] + c2 * y[i] + deviation * next[i] } } }
        }
        return next
    }
}
