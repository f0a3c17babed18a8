import Foundation
import Tensors
import Testing

@testable import DeblurDiff

/// Samplers beside k-diffusion's and diffusers' on a denoiser that is known (`Tools/samplers/make_fixtures.py`).
@Suite struct SamplerPathTests {
    private static let noise = DiffusionProcess.released.alphasCumulative.map { (1 / $0 - 1).squareRoot() }

    struct Expected: Decodable {
        struct Case: Decodable, CustomTestStringConvertible {
            var sampler: String
            var eta: Double?
            var timesteps: [Int]
            /// `z` behind each level of noise.
            var path: [[Double]]
            var testDescription: String { "\(sampler) eta \(eta ?? -1), \(timesteps.count) levels" }
        }

        struct Spacing: Decodable {
            var spacing: String
            var noise: [Double]
        }

        var size: Int
        var seed: UInt64
        var cases: [Case]
        var spacings: [Spacing]

        static let all = try! fixture("samplers", as: Expected.self)
    }

    @Test(arguments: Expected.all.cases) func goesTheWayOfTheReference(_ expected: Expected.Case) throws {
        var options = RestorationOptions()
        options.sampler = try #require(SamplerChoice.all.first { $0.name == expected.sampler })
        options.spacing = .list(expected.timesteps)
        options.steps = options.sampler.steps(levels: expected.timesteps.count)
        options.eta = expected.eta
        var sampler = try options.sampler.make(options, .released)
        var random = TorchGenerator(seed: Expected.all.seed)
        var z = Tensor(random.randn(Expected.all.size), shape: [1, 1, 1, Expected.all.size])
        var path: [[Float]] = []
        for step in 0..<options.steps {
            let (noise, signal) = (sampler.schedule.noise(sampler.levels[step]), sampler.schedule.signal(sampler.levels[step]))
            z = sampler.step(z, estimate: z.map { Float(denoised(Double($0) / signal, noise)) }, step: step, random: &random)
            let isBetween = options.steps > expected.timesteps.count && !sampler.state.isEmpty
            if !isBetween { path.append(z.floatArray) }
        }
        #expect(path.count == expected.path.count)
        for (level, (values, wanted)) in zip(path, expected.path).enumerated() {
            let error = zip(values, wanted).map { abs(Double($0) - $1) }.max()!
            #expect(error < 1e-5, "\(error) behind level \(level)")
        }
    }

    private func denoised(_ x: Double, _ sigma: Double) -> Double { tanh(x / (0.5 + sigma * sigma)) + 0.1 * sin(3 * x / (1 + sigma)) }

    /// Each timestep is the nearest to k-diffusion's noise level, but where several levels are nearest to one.
    @Test(arguments: Expected.all.spacings.indices) func spacingsAreThoseOfTheReference(_ index: Int) throws {
        let expected = Expected.all.spacings[index]
        let spacing = try #require(TimestepSpacing.named.first { $0.name == expected.spacing }).spacing
        let timesteps = try spacing.timesteps(count: expected.noise.count, noise: Self.noise).reversed() as [Int]
        let nearest = expected.noise.map { wanted in
            Self.noise.indices.min { abs(log(Self.noise[$0] / wanted)) < abs(log(Self.noise[$1] / wanted)) }!
        }
        for (place, (timestep, wanted)) in zip(timesteps, nearest).enumerated() where nearest.filter({ abs($0 - wanted) <= expected.noise.count }).count == 1 {
            #expect(timestep == wanted, "place \(place)")
        }
        #expect(timesteps.first == 999 && timesteps.last == 0)
    }

    @Test(arguments: TimestepSpacing.named.map(\.spacing), [1, 2, 3, 10, 50, 333, 999, 1000]) func spacingsHaveAsManyAsAsked(
        _ spacing: TimestepSpacing, _ count: Int
    ) throws {
        let timesteps = try spacing.timesteps(count: count, noise: Self.noise)
        #expect(timesteps.count == count && timesteps.allSatisfy((0...999).contains))
        #expect(zip(timesteps, timesteps.dropFirst()).allSatisfy(<))
        #expect(count == 1 || timesteps.last == 999)
    }

    @Test func listsAreChecked() throws {
        #expect(try TimestepSpacing.list([999, 5]).timesteps(count: 2, noise: Self.noise) == [5, 999])
        for wrong in [[5, 999], [5, 5], [1000, 5], [5, -1], [5]] {
            #expect(throws: (any Error).self) { try TimestepSpacing.list(wrong).timesteps(count: 2, noise: Self.noise) }
        }
    }

    /// So that the names that people know are to be had, and mean what they know.
    @Test func ancestralStepsAreTheSpacedSamplers() throws {
        func path(_ name: String) throws -> [Float] {
            var options = RestorationOptions()
            options.steps = 7
            options.sampler = try #require(SamplerChoice.all.first { $0.name == name })
            var sampler = try options.sampler.make(options, .released)
            var random = TorchGenerator(seed: 1)
            var z = Tensor(random.randn(32), shape: [1, 1, 4, 8])
            for step in 0..<6 { z = sampler.step(z, estimate: z.map { tanh($0) }, step: step, random: &random) }
            return z.floatArray
        }
        #expect(zip(try path("spaced"), try path("euler-a")).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(try path("ddim") == path("euler"))
    }
}
