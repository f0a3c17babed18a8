import Files
import Tensors
import Testing

@testable import DeblurDiff

@Suite struct NoiseScheduleTests {
    private struct Expected: Decodable {
        var steps: Int
        var timesteps: [Int]
        var a: FloatSummary
        var b: FloatSummary
        var c1: FloatSummary
        var c2: FloatSummary
        var variance: FloatSummary
        var alphasCumulative: FloatSummary
    }

    @Test func hasTheReleasedCoefficients() throws {
        for expected in try fixture("schedules", as: [Expected].self) {
            let schedule = try NoiseSchedule(steps: expected.steps)
            #expect(schedule.timesteps == expected.timesteps)
            #expect(expected.a.matches(schedule.a), "a for \(expected.steps) steps")
            #expect(expected.b.matches(schedule.b), "b for \(expected.steps) steps")
            #expect(expected.c1.matches(schedule.c1), "c1 for \(expected.steps) steps")
            #expect(expected.c2.matches(schedule.c2), "c2 for \(expected.steps) steps")
            #expect(expected.variance.matches(schedule.variance), "variance for \(expected.steps) steps")
            #expect(expected.alphasCumulative.matches(schedule.alphasCumulative.map { Float($0) }))
        }
    }

    /// The exact multiples of the stride, rounded, but for those timesteps that Python's float64 sums put on the other side of a half.
    @Test func addsTheStrideUpForEveryCount() throws {
        let apart: [String: [[Int]]] = try fixture("timesteps")
        #expect(apart.count == 283)
        var wrong: [Int] = []
        for steps in 1...1000 {
            var expected = (0..<steps).map { index in
                let (quotient, rest) = (index * 999).quotientAndRemainder(dividingBy: max(steps - 1, 1))
                let isUp = 2 * rest > steps - 1 || 2 * rest == steps - 1 && !quotient.isMultiple(of: 2)
                return quotient + (isUp ? 1 : 0)
            }
            for pair in apart["\(steps)", default: []] { expected[pair[0]] = pair[1] }
            if try NoiseSchedule(steps: steps).timesteps != expected { wrong.append(steps) }
        }
        #expect(wrong.isEmpty, "\(wrong.count) counts")
    }

    @Test(arguments: [1, 2, 7, 21, 50, 333, 999, 1000]) func isWellFormed(steps: Int) throws {
        let schedule = try NoiseSchedule(steps: steps)
        #expect(schedule.timesteps.count == steps)
        #expect(schedule.timesteps.first == 0)
        #expect(schedule.timesteps.last == (steps == 1 ? 0 : 999))
        #expect(zip(schedule.timesteps, schedule.timesteps.dropFirst()).allSatisfy { $0 < $1 })
        #expect(schedule.variance[0] == 0 && schedule.c1[0] == 1 && schedule.c2[0] == 0)
    }

    /// `acp` at a few timesteps, computed by the released class, and with zero terminal SNR by DiffBIR's. (The released class names the cosine, but its NumPy call for it fails; with
    /// that mended it gives these.)
    @Test(
        arguments: [
            (.linear, false, [0.9999, 0.9997973619004856, 0.33127457951725564, 0.000748380060796751, 0.0007334124595808159]),
            (.linearInBeta, false, [0.9999, 0.9997800920720721, 0.07779665836502389, 4.118193638138445e-05, 4.035829765375676e-05]),
            (.squareRoot, false, [0.99, 0.9791587125527679, 5.505387112939303e-16, 3.7542057478284257e-44, 3.2232808793766274e-44]),
            (.cosine, false, [0.999958715775178, 0.9999125759273678, 0.4922851724488026, 2.428766907034852e-06, 2.4287669070348542e-09]),
            (.cosine, true, [0.9999587157751777, 0.9999125736533471, 0.49226453853166574, 2.277811478992016e-06, 0]),
        ] as [(DiffusionProcess.Schedule, Bool, [Double])])
    func otherProcesses(_ schedule: DiffusionProcess.Schedule, _ endsInNoise: Bool, _ expected: [Double]) {
        var process = DiffusionProcess()
        (process.schedule, process.endsInNoise) = (schedule, endsInNoise)
        (process.firstBeta, process.lastBeta) = (1e-4, 2e-2)
        expectNear(process, expected)
    }

    @Test func stableDiffusionWithoutSignalAtTheEnd() {
        var process = DiffusionProcess.released
        process.endsInNoise = true
        expectNear(process, [0.99915, 0.9982334461401823, 0.24101878275731575, 1.967888056621292e-07, 0])
    }

    private func expectNear(_ process: DiffusionProcess, _ expected: [Double]) {
        let all = process.alphasCumulative
        for (timestep, value) in zip([0, 1, 500, 998, 999], expected) {
            #expect(abs(all[timestep] - value) <= 1e-10 * value, "\(timestep): \(all[timestep]), not \(value)")
        }
    }

    /// Every sampler ends in finite numbers where the first step has nothing but noise.
    @Test(arguments: SamplerChoice.all.map(\.name)) func samplersBeginWithoutSignal(_ name: String) throws {
        var process = DiffusionProcess.released
        process.endsInNoise = true
        var options = RestorationOptions()
        options.sampler = try #require(SamplerChoice.all.first { $0.name == name })
        for (steps, spacing) in [(1, TimestepSpacing.list([999])), (9, .even), (9, .trailing), (9, .karras), (9, .alignYourSteps)] {
            (options.steps, options.spacing) = (steps, spacing)
            var sampler = try options.sampler.make(options, process)
            var random = TorchGenerator(seed: 1)
            let image = Tensor(random.randn(64), shape: [1, 1, 8, 8])
            var z = Tensor(random.randn(64), shape: image.shape)
            for step in sampler.timesteps.indices {
                let estimate = sampler.estimate(image, .velocity, z: z, step: step)
                #expect(estimate.floatArray.allSatisfy { $0.isFinite }, "\(steps) \(spacing.name) \(step)")
                z = sampler.step(z, estimate: image, step: step, random: &random)
            }
            // With an estimate that is always right it is what is left.
            let error = zip(z.floatArray, image.floatArray).map { abs($0 - $1) }.max()!
            #expect(error < 1e-3, "\(steps) \(spacing.name): \(error)")
        }
    }

    @Test(arguments: [0, -1, 1001, Int.max, Int.min]) func refusesOtherCounts(steps: Int) {
        #expect(throws: InputError.self) { try NoiseSchedule(steps: steps) }
    }
}
