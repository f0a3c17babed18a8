import Foundation
import Tensors
import Testing

@testable import DeblurDiff

/// Samplers against what their papers say, on a denoiser that is known.
@Suite struct SamplerTests {
    /// A denoiser that always knows the image leads to it, whatever the sampler, but for the noise of steps that draw some.
    @Test(arguments: SamplerChoice.all, [1, 2, 5, 21, 50]) func aPerfectDenoiserLeadsToTheImage(_ name: SamplerChoice, _ steps: Int) throws {
        var options = RestorationOptions()
        (options.sampler, options.steps) = (name, steps)
        var sampler = try name.make(options, .released)
        var random = TorchGenerator(seed: 7)
        let image = Tensor(random.randn(64), shape: [1, 1, 8, 8])
        var z = Tensor(random.randn(64), shape: image.shape)
        #expect(sampler.timesteps.count == steps && sampler.timesteps.last == 0)
        for step in 0..<steps { z = sampler.step(z, estimate: image, step: step, random: &random) }
        #expect(zip(z.floatArray, image.floatArray).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    /// DDIM keeps the noise: if it is the same at every step, so is the path, in any number of steps (Song et al., 2021, equation 12).
    @Test(arguments: [2, 10, 50]) func ddimFollowsTheKnownPath(_ steps: Int) throws {
        var options = RestorationOptions()
        (options.sampler, options.steps) = (.ddim, steps)
        var sampler = try options.sampler.make(options, .released)
        let schedule = try NoiseSchedule(steps: steps)
        var random = TorchGenerator(seed: 3)
        let (image, noise) = (random.randn(64), random.randn(64))
        func mixed(_ timestep: Int) -> [Float] {
            let share = schedule.alphasCumulative[timestep]
            return zip(image, noise).map { Float(share.squareRoot() * Double($0) + (1 - share).squareRoot() * Double($1)) }
        }
        var z = Tensor(mixed(sampler.timesteps[0]), shape: [1, 1, 8, 8])
        let eps = Tensor(noise, shape: z.shape)
        for step in 0..<steps {
            let estimate = sampler.estimate(eps, .noise, z: z, step: step)
            z = sampler.step(z, estimate: estimate, step: step, random: &random)
            let expected = step + 1 < steps ? mixed(sampler.timesteps[step + 1]) : image
            #expect(zip(z.floatArray, expected).allSatisfy { abs($0 - $1) < 2e-3 }, "step \(step)")
        }
    }
}
