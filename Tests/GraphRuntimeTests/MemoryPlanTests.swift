import Files
import GraphRuntime
import GraphTestSupport
import Testing

@Suite struct MemoryPlanTests {
    private func buffer(_ byteCount: Int, _ lifetime: Range<Int>) -> MemoryPlan.Buffer {
        .init(label: "\(byteCount) bytes in \(lifetime)", byteCount: byteCount, lifetime: lifetime)
    }

    @Test func emptyPlanNeedsNothing() {
        let plan = MemoryPlan([])
        #expect(plan.arenaByteCount == 0 && plan.lowerBound == 0 && plan.violations().isEmpty)
    }

    @Test func memoryIsReusedAfterTheLastUse() {
        let plan = MemoryPlan([buffer(640, 0..<2), buffer(640, 2..<4), buffer(640, 1..<3)])
        #expect(plan.arenaByteCount == 1280)
        #expect(plan.violations().isEmpty)
    }

    @Test func halfOpenLifetimesDoNotMeet() {
        #expect(MemoryPlan([buffer(64, 0..<1), buffer(64, 1..<2)]).arenaByteCount == 64)
        #expect(MemoryPlan([buffer(64, 0..<2), buffer(64, 1..<2)]).arenaByteCount == 128)
    }

    @Test func oddSizesAreAligned() {
        let plan = MemoryPlan([buffer(1, 0..<2), buffer(65, 0..<2), buffer(63, 0..<2)])
        #expect(plan.offsets.allSatisfy { $0 % 64 == 0 })
        #expect(plan.arenaByteCount == 256)
    }

    @Test(arguments: 0..<40) func randomPlansAreValidAndTight(seed: Int) {
        var random = SeededGenerator(state: UInt64(seed))
        let count = Int.random(in: 1...120, using: &random)
        let buffers = (0..<count).map { _ in
            let start = Int.random(in: 0..<60, using: &random)
            return buffer(Int.random(in: 1...5000, using: &random), start..<(start + Int.random(in: 1...12, using: &random)))
        }
        let plan = MemoryPlan(buffers)
        #expect(plan.violations() == [])
        #expect(plan.arenaByteCount >= plan.lowerBound)
        #expect(Double(plan.arenaByteCount) <= 1.35 * Double(plan.lowerBound))
    }

    /// The validator itself finds what a wrong plan does.
    @Test func bruteForceSeesOverlaps() {
        let buffers = [buffer(128, 0..<3), buffer(128, 2..<4), buffer(64, 3..<4)]
        #expect(MemoryPlan(buffers, offsets: [0, 64, 0]).violations().count == 1)
        #expect(MemoryPlan(buffers, offsets: [0, 128, 0]).violations() == [])
        #expect(MemoryPlan(buffers, offsets: [0, 130, 0]).violations() == ["\(buffers[1].label) is not aligned"])
    }
}
