import DeblurDiff
import Foundation
import Synchronization
import Testing

/// Several restorations of one model at once.
@Suite(.serialized) struct ConcurrencyTests {
    private static func pixels(_ height: Int, _ width: Int) -> [UInt8] { (0..<height * width * 3).map { UInt8(truncatingIfNeeded: $0 * $0 / 7 + $0 / 3) } }

    private static let images = [(64, 64, UInt64(1)), (64, 128, 2), (64, 64, 3)]

    private static func options(_ seed: UInt64) -> RestorationOptions {
        var options = RestorationOptions()
        options.steps = 2
        options.seed = seed
        return options
    }

    /// The bits of one after the other, whether programs are kept or go with their last user.
    @Test(arguments: [false, true]) func giveTheSameBitsAsOneAfterTheOther(_ keepsPrograms: Bool) async throws {
        let model = try OracleModel.open(.standard, threads: 2, keepsPrograms: keepsPrograms)
        let alone = try Self.images.map { height, width, seed in
            try Restorer(model: model, options: Self.options(seed)).restore(Self.pixels(height, width), height: height, width: width)
        }
        let together = try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
            for (index, (height, width, seed)) in Self.images.enumerated() {
                group.addTask {
                    for try await event in model.restore(Self.pixels(height, width), height: height, width: width, options: Self.options(seed)) {
                        if case .finished(let pixels) = event { return (index, pixels) }
                    }
                    return (index, [])
                }
            }
            return try await group.reduce(into: [Int: [UInt8]]()) { $0[$1.0] = $1.1 }
        }
        for (index, pixels) in alone.enumerated() { #expect(together[index] == pixels, "image \(index)") }
    }

    @Test func progressEndsWithTheResult() async throws {
        let model = try OracleModel.open(.standard)
        var last = 0.0
        var result: [UInt8]?
        for try await event in model.restore(Self.pixels(64, 64), height: 64, width: 64, options: Self.options(1)) {
            switch event {
            case .progress(let progress):
                #expect(progress.share >= last)
                last = progress.share
            case .finished(let pixels): result = pixels
            }
        }
        #expect(result?.count == 64 * 64 * 3)
    }

    /// A thousand steps take minutes; a cancelled run of them ends at once.
    @Test func cancellingEndsTheWork() async throws {
        let model = try OracleModel.open(.standard)
        var options = Self.options(1)
        options.steps = 1000
        let (started, startedContinuation) = AsyncStream<Void>.makeStream()
        let task = Task { [options] in
            for try await event in model.restore(Self.pixels(64, 64), height: 64, width: 64, options: options) {
                if case .progress(let progress) = event, progress.phase == .sampling { startedContinuation.finish() }
                if case .finished = event { return true }
            }
            return false
        }
        for await _ in started {}
        task.cancel()
        #expect(try await task.value == false)
    }

    @Test func whatCannotBeDoneIsThrown() async throws {
        let model = try OracleModel.open(.standard)
        var options = Self.options(1)
        options.positivePrompt = .text("a cat")
        await #expect(throws: (any Error).self) {
            for try await _ in model.restore(Self.pixels(64, 64), height: 64, width: 64, options: options) {}
        }
    }

    /// Within a kernel of being asked to.
    @Test func aRestorerStopsWhenItIsAsked() throws {
        let model = try OracleModel.open(.standard)
        let flag = CancellationFlag()
        let restorer = try Restorer(
            model: model, options: Self.options(1), isCancelled: { flag.isSet }, progress: { if $0.phase == .sampling { flag.set() } })
        #expect(throws: CancellationError.self) { try restorer.restore(Self.pixels(64, 64), height: 64, width: 64) }
    }
}
