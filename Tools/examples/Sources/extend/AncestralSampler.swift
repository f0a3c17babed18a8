import DeblurDiff

/// A sampler: DDIM with noise (Song, Meng and Ermon, 2021; equations 12 and 16).
///
///     sigma = eta sqrt((1 - acp') / (1 - acp)) sqrt(1 - acp / acp')
///     z' = sqrt(acp') x0 + sqrt(1 - acp' - sigma^2) eps + sigma noise
struct AncestralSampler: Sampler {
    let schedule: NoiseSchedule
    var eta = 1.0

    static func choice(eta: Double) -> SamplerChoice { SamplerChoice("ancestral-\(eta)") { AncestralSampler(schedule: $0, eta: eta) } }

    func step(_ z: Tensor, estimate: Tensor, step: Int, random: inout TorchGenerator) -> Tensor {
        let index = schedule.index(step)
        let now = schedule.alphasCumulative[schedule.timesteps[index]]
        let next = index == 0 ? 1 : schedule.alphasCumulative[schedule.timesteps[index - 1]]
        let sigma = eta * ((1 - next) / (1 - now)).squareRoot() * (1 - now / next).squareRoot()
        let kept = ((1 - next - sigma * sigma) / (1 - now)).squareRoot()
        let (signal, nextSignal) = (now.squareRoot(), next.squareRoot())
        let (x, y, noise) = (estimate.floatArray, z.floatArray, random.randn(z.type.elementCount))
        let result = x.indices.map { i -> Float in
            let eps = Double(y[i]) - signal * Double(x[i])
            return Float(nextSignal * Double(x[i]) + kept * eps + sigma * Double(noise[i]))
        }
        return Tensor(result, shape: z.shape)
    }
}
