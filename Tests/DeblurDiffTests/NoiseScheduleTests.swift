import DeblurDiff
import Files
import Tensors
import Testing

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

    @Test(arguments: [0, -1, 1001, Int.max, Int.min]) func refusesOtherCounts(steps: Int) {
        #expect(throws: InputError.self) { try NoiseSchedule(steps: steps) }
    }
}
