import Tensors

/// Draws each step from the posterior of the diffusion process over a few spaced timesteps (Nichol and Dhariwal, *Improved Denoising Diffusion Probabilistic
/// Models*, 2021): the mean `c1 x0 + c2 z` and noise of variance `v`, none at the last step.
public struct SpacedSampler: Sampler {
    let schedule: NoiseSchedule

    public var timesteps: [Int] { schedule.timesteps.reversed() }

    public func estimate(noise: Tensor, z: Tensor, step: Int) -> Tensor { schedule.estimate(noise: noise, z: z, index: schedule.index(step)) }

    public func guidanceRate(scale: Float, step: Int) -> Float { schedule.guidanceRate(scale: scale, index: schedule.index(step)) }

    public func step(_ z: Tensor, estimate: Tensor, step: Int, random: inout TorchGenerator) -> Tensor {
        let index = schedule.index(step)
        let (c1, c2) = (schedule.c1[index], schedule.c2[index])
        let noise = random.randn(z.type.elementCount)  // drawn at the last step too
        let deviation = index == 0 ? 0 : schedule.variance[index].squareRoot()
        let (x, y) = (estimate.floatArray, z.floatArray)
        return Tensor(x.indices.map { c1 * x[$0] + c2 * y[$0] + deviation * noise[$0] }, shape: z.shape)
    }
}

extension NoiseSchedule {
    /// Steps go down the timesteps.
    func index(_ step: Int) -> Int { timesteps.count - 1 - step }

    /// The released program's.
    func guidanceRate(scale: Float, index: Int) -> Float { 3000 * scale / c1[index] }

    /// `x0 = a z - b eps`.
    func estimate(noise: Tensor, z: Tensor, index: Int) -> Tensor {
        let (a, b) = (a[index], b[index])
        return Tensor(zip(z.floatArray, noise.floatArray).map { a * $0 - b * $1 }, shape: z.shape)
    }
}
