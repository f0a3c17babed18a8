import DeblurDiff
import Files
import Images
import Jobs

/// What restorations will take. Times are by what the processors can do at most, and by how much longer earlier jobs took than that.
final class Estimator: Sendable {
    private struct Known: Hashable {
        var model: String
        var options: [String: String]
        var head: PhotoHead
    }

    private struct State {
        var speeds: [String: ModelSpeeds] = [:]
        var known: [Known: EstimateAnswer] = [:]
        /// By model: how many times as long as that, on average.
        var factors: [String: Double] = [:]
    }

    private let state = Locked(State())
    private let memoryLimit: Int?
    private static let mostKnown = 256

    init(memoryLimit: Int?) { self.memoryLimit = memoryLimit }

    /// - Throws: an `InputError` for what the model cannot take.
    func estimate(_ head: PhotoHead, _ entry: ModelShelf.Entry, _ options: [String: String], _ parsed: JobOptions.Parsed) throws -> EstimateAnswer {
        let key = Known(model: entry.id, options: options, head: head)
        return try state.withLock { state in
            var answer = try state.known[key] ?? rough(head, entry, parsed, &state)
            if state.known.count >= Estimator.mostKnown { state.known = [:] }
            state.known[key] = answer
            answer.seconds *= state.factors[entry.id] ?? 1
            return answer
        }
    }

    private func rough(_ head: PhotoHead, _ entry: ModelShelf.Entry, _ parsed: JobOptions.Parsed, _ state: inout State) throws -> EstimateAnswer {
        let (model, restoration) = (entry.model, parsed.settings.restoration)
        try restoration.validate(for: model.configuration)
        // Of the machine and not of this moment: other jobs end.
        let available = min(AvailableMemory.machineByteCount, AvailableMemory.byteCount + (ResidentMemory.byteCount ?? 0), memoryLimit ?? .max)
        let cost = try model.fittingCost(
            of: restoration, height: head.height, width: head.width, sampleByteCount: head.sampleByteCount, keepsDenoiser: true, available: available)
        let speeds = state.speeds[entry.id] ?? ModelSpeeds(model)
        state.speeds[entry.id] = speeds
        let fits = cost.peakByteCount <= available
        return EstimateAnswer(
            seconds: speeds.roughSeconds(cost), peakBytes: cost.peakByteCount, fits: fits,
            advice: fits ? nil : try model.adviceOnMemory(cost, height: head.height, width: head.width))
    }

    /// Learns from a job that was done at one go.
    func learn(_ head: PhotoHead, _ model: String, _ options: [String: String], seconds: Double) {
        state.withLock { state in
            guard let rough = state.known[Known(model: model, options: options, head: head)]?.seconds, rough > 0, seconds > 0 else { return }
            let factor = min(max(seconds / rough, 0.1), 10_000)
            state.factors[model] = state.factors[model].map { 0.7 * $0 + 0.3 * factor } ?? factor
        }
    }
}
