import DeblurDiff
import Testing

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
}
