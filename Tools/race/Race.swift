import DeblurDiff
import Foundation

/// Restorations of one model at once, for ThreadSanitizer (`Tools/sanitize.sh SECONDS threads`): each must have the bits that it has alone.
@main struct Race {
    struct Job: Sendable {
        var height: Int
        var width: Int
        var seed: UInt64

        func result(_ model: DeblurDiffModel) async throws -> [UInt8] {
            let picture = (0..<height * width * 3).map { UInt8(truncatingIfNeeded: $0 * $0 / 7 + $0 / 3) }
            var options = RestorationOptions(defaultsOf: model.configuration)
            options.seed = seed
            for try await event in model.restore(picture, height: height, width: width, options: options) {
                if case .finished(let pixels) = event { return pixels }
            }
            return []
        }
    }

    static func main() async throws {
        guard CommandLine.arguments.count == 3, let seconds = Double(CommandLine.arguments[2]) else { fatalError("race MODEL SECONDS") }
        let model = try DeblurDiffModel(path: CommandLine.arguments[1])
        let jobs = [Job(height: 64, width: 64, seed: 1), Job(height: 64, width: 128, seed: 2), Job(height: 64, width: 64, seed: 3)]
        var alone: [[UInt8]] = []
        for job in jobs { alone.append(try await job.result(model)) }
        let end = Date(timeIntervalSinceNow: seconds)
        var rounds = 0
        repeat {
            let together = jobs.map { job in Task { try await job.result(model) } }
            // One that is given up in the middle.
            let cancelled = Task { try await Job(height: 64, width: 128, seed: 4).result(model) }
            try await Task.sleep(for: .milliseconds(5 * rounds % 200))
            cancelled.cancel()
            for (index, task) in together.enumerated() where try await task.value != alone[index] {
                fatalError("restoration \(index) differs in round \(rounds)")
            }
            rounds += 1
        } while Date() < end
        print("\(rounds) rounds of \(jobs.count) restorations at once and one cancelled, 0 differ")
    }
}
