import Files
import Testing

@Suite struct SeededGeneratorTests {
    /// Those of Java's SplittableRandom.
    @Test func numbersAreThoseOfSplitMix64() {
        let expected: [UInt64] = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431]
        var generator = SeededGenerator(state: 1_234_567)
        for (index, number) in expected.enumerated() {
            #expect(generator.next() == number)
            #expect(SeededGenerator.number(at: UInt64(index), from: 1_234_567) == number)
        }
    }
}
