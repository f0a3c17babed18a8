import DeblurDiff
import Tensors
import Testing

extension Restorer {
    /// What is left of a restoration that is stopped after a step; nil, and an issue, where it did not stop.
    func interrupted(_ image: Tensor, after last: Int) throws -> SamplerCheckpoint? {
        struct Interruption: Error {}
        var state: SamplerCheckpoint?
        #expect(throws: Interruption.self) {
            try restore(image) {
                state = $0
                if $0.step == last { throw Interruption() }
            }
        }
        return state
    }
}

/// A restoration that goes on where another was interrupted.
@Suite(.serialized) struct SamplerCheckpointTests {
    @Test(arguments: SamplerChoice.all, [false, true]) func givesTheBitsOfAnUndisturbedRun(_ sampler: SamplerChoice, _ isGuided: Bool) throws {
        let model = try OracleModel.open(.standard)
        var options = RestorationOptions()
        options.steps = 4
        options.sampler = sampler
        options.betterStart = isGuided
        if isGuided { options.restorationGuidance = RestorationGuidance(scale: 0.1) }
        let image = Padding.planes(
            rgb: (0..<50 * 70 * 3).map { UInt8(truncatingIfNeeded: $0 * $0 / 7 + $0 / 3) }, height: 50, width: 70, multiple: 1)
        let undisturbed = try Restorer(model: model, options: options).restore(image).floatArray
        for last in 1...4 {
            let stopped = try #require(try Restorer(model: model, options: options).interrupted(image, after: last))
            #expect(stopped.step == last)
            // As it comes back from a file.
            let words = stopped.random.words
            let again = SamplerCheckpoint(
                step: stopped.step, z: stopped.z.copy(), random: try #require(TorchGenerator(words: words)), samplerState: stopped.samplerState)
            let resumed = try Restorer(model: model, options: options).restore(image, from: again)
            #expect(resumed.floatArray == undisturbed, "after step \(last)")
        }
    }

    @Test func generatorsGoOn() throws {
        for drawn in [0, 1, 3, 16, 700, 2000] {
            var generator = TorchGenerator(seed: 5)
            _ = generator.randn(drawn)
            var copy = try #require(TorchGenerator(words: generator.words))
            #expect(copy.randn(5) == generator.randn(5) && copy.randn(1000) == generator.randn(1000))
        }
        let words = TorchGenerator(seed: 1).words
        #expect(TorchGenerator(words: Array(words.dropLast())) == nil)
        var wrong = words
        wrong[624] = 625
        #expect(TorchGenerator(words: wrong) == nil)
    }
}
