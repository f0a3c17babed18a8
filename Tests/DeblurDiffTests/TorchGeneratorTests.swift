import Testing

@testable import DeblurDiff

@Suite struct TorchGeneratorTests {
    private struct Sequence: Decodable {
        var seed: UInt64
        var calls: [FloatSummary]
    }

    /// Large and small tensors in turn: the small ones keep a spare value across the others.
    @Test func givesPyTorchsNumbers() throws {
        for sequence in try fixture("random_numbers", as: [Sequence].self) {
            var generator = TorchGenerator(seed: sequence.seed)
            for (index, call) in sequence.calls.enumerated() {
                let values = generator.randn(call.count)
                if call.count >= 16 {
                    #expect(call.matches(values), "call \(index) of seed \(sequence.seed)")
                } else {
                    #expect(values.count == call.count)
                    for (value, expected) in zip(values, floats(call.first)) { #expect(abs(value - expected) <= expected.ulp) }
                }
            }
        }
    }

    @Test func usesTheSeedsLow32Bits() {
        var (first, second, other) = (TorchGenerator(seed: 231), TorchGenerator(seed: 231 + (7 << 32)), TorchGenerator(seed: 232))
        let values = first.randn(64)
        #expect(second.randn(64) == values)
        #expect(other.randn(64) != values)
    }

    @Test func fillsNothing() {
        var generator = TorchGenerator(seed: 0)
        #expect(generator.randn(0) == [])
    }

    @Test func isNormal() {
        var generator = TorchGenerator(seed: 3)
        let values = generator.randn(1 << 18).map(Double.init)
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
        #expect(abs(mean) < 0.01 && abs(variance - 1) < 0.01)
        #expect(values.allSatisfy { abs($0) < 6 })
    }

    /// Numbers that are skipped are those that would have been drawn, from any place in a block.
    @Test(arguments: [0, 1, 5, 623, 624, 625, 1000, 19937, 100_003] as [UInt64], [0, 1, 300, 623, 624, 700]) func skips(_ count: UInt64, _ before: Int) {
        var drawn = MersenneTwister(seed: 231)
        for _ in 0..<before { _ = drawn.next() }
        var skipped = drawn
        for _ in 0..<count { _ = drawn.next() }
        skipped.skip(count)
        for _ in 0..<1300 { #expect(skipped.next() == drawn.next()) }
    }

    /// What PyTorch's generator has after the released program has built its model.
    @Test func skipsTheReleasedModel() throws {
        var engine = MersenneTwister(seed: 231)
        engine.skip(RandomNumbers.releasedDraws)
        #expect((0..<4).map { _ in engine.next() } == [1_930_412_965, 1_157_906_290, 2_367_602_222, 1_073_920_292])
        var generator = try RandomNumbers(.program).generator(seed: 231, for: .released)
        let expected: [Float] = [
            0.17508, 0.16864, 0.25139, 0.12575, 1.87268, 1.33169, 0.15782, -0.91594, 0.31058, -0.07089, 0.43895, -0.07467, 0.2872, -0.63592, 0.18801, -2.0009,
        ]
        #expect(zip(generator.randn(64), expected).allSatisfy { abs($0 - $1) < 1e-5 })
        var other = ModelConfiguration.released
        other.kernelSize = 7
        #expect(throws: (any Error).self) { try RandomNumbers(.program).generator(seed: 231, for: other) }
    }

    /// The known answers of Random123.
    @Test func philoxIsRandom123s() {
        #expect(CUDAGenerator.philox(SIMD4(0, 0, 0, 0), key: 0) == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        #expect(
            CUDAGenerator.philox(SIMD4(repeating: .max), key: .max) == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        #expect(
            CUDAGenerator.philox(SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: 0x299f_31d0_a409_3822)
                == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    /// What GPUs have printed: `randn(8, 10)`, `randn(10)` and `randn(8, 10)` after `torch.cuda.manual_seed(0)`.
    @Test func devicesNumbersArePyTorchs() {
        var device = CUDAGenerator(seed: 0, threads: 221_184)
        func isNear(_ values: [Float], _ expected: [Float]) -> Bool { zip(values, expected).allSatisfy { abs($0 - $1) < 6e-5 } }
        let first = device.randn(80)
        #expect(isNear(first, [-0.9247, -0.4253, -2.6438, 0.1452, -0.1209, -0.5797, -0.6229, -0.3284, -1.0745, -0.3631, -1.6711, 2.2655]))
        #expect(isNear(Array(first.suffix(4)), [0.3805, -0.0436, 0.3597, -0.5043]))
        #expect(isNear(device.randn(10), [0.1808, -0.5523, 0.9238, -0.7350, 1.3800, 0.8676, 0.1297, -0.9406, 0.8109, 0.8821]))
        #expect(isNear(device.randn(80), [2.5441, -0.7163, -0.4934, 0.1267, 0.1014, -0.4035, 0.9023, 0.8099, -0.6884, 0.1372]))
        var other = CUDAGenerator(seed: 231, threads: 221_184)
        #expect(isNear(other.randn(16384), [1.6443266, -0.1739994, -0.0271319, -0.3741519, 0.6350908, -0.1269047, -0.7401108, -0.4399005]))
        #expect(isNear(other.randn(16384), [-0.7899783, 0.1521495, 0.4918890, -0.0737469, 1.0377511, -0.2297318, -0.9497582, 0.0419031]))
    }

    /// Few threads draw in rounds: number `thread + threads (4 round + k)` is the k-th of that thread's round, and so the one that many threads have in a block of their own.
    @Test func devicesWithFewThreadsDrawInRounds() {
        var few = CUDAGenerator(seed: 5, threads: 256)
        let values = few.randn(2500)
        #expect(few.offset == 12)
        for round in 0..<3 {
            var one = CUDAGenerator(seed: 5, offset: UInt64(4 * round), threads: 256)
            let block = one.randn(1024)
            #expect(Array(values.dropFirst(1024 * round).prefix(1024)) == Array(block.prefix(2500 - 1024 * round)))
        }
    }

    @Test func devicesGoOnFromTheirWords() throws {
        var generator = try RandomNumbers(.cuda).generator(seed: 1 << 40 + 3, for: .released)
        _ = generator.randn(100)
        _ = generator.hostRandn(5)
        var again = try #require(TorchGenerator(words: generator.words))
        #expect(again.randn(50) == generator.randn(50))
        #expect(again.hostRandn(50) == generator.hostRandn(50))
        #expect(TorchGenerator(words: generator.words.dropLast()) == nil)
    }
}
