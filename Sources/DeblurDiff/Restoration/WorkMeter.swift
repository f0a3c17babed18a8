import Foundation

/// Turns work that has been done into progress.
final class WorkMeter {
    private typealias Phase = RestorationProgress.Phase

    private let work: RestorationWork
    private let report: ((RestorationProgress) -> Void)?
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var phase: Phase?
    private var phaseStart: ContinuousClock.Instant
    private var done: [Phase: Double] = [:]
    private var seconds: [Phase: Double] = [:]
    private var (step, stepCount) = (0, 0)
    private var lastReport: ContinuousClock.Instant?
    /// Of the sampling's operations, those that took no time.
    private var skipped = 0.0

    init(_ work: RestorationWork, steps: Int, report: ((RestorationProgress) -> Void)?) {
        self.work = work
        self.report = report
        start = clock.now
        phaseStart = start
        stepCount = steps
    }

    /// A phase begins, and the one before it is over.
    func enter(_ next: RestorationProgress.Phase) {
        endPhase()
        (phase, phaseStart) = (next, clock.now)
        tell()
    }

    func finish() {
        endPhase()
        tell()
    }

    private func endPhase() { if let phase { set(work.parts[phase]?.operations ?? 0) } }

    /// The weights are ready for the phase's first run.
    func packed() {
        set(work.parts[phase!]?.packing ?? 0)
        tell()
    }

    /// So many steps were done by an earlier run.
    func skip(steps count: Int) {
        guard let part = work.parts[.sampling], stepCount > 0 else { return }
        step = count
        done[.sampling] = part.packing + part.operationsPerRun * Double(part.runs) * Double(count) / Double(stepCount)
        skipped = done[.sampling]!
        tell()
    }

    func endStep() {
        step += 1
        tell()
    }

    /// Counts a run of the phase's network.
    ///
    /// - Parameters:
    ///   - operations: of the run, where the phase's runs are not alike.
    ///   - body: is given what to tell the share of the run that is done.
    func run<Value>(operations: Double? = nil, _ body: (@escaping (Double) -> Void) throws -> Value) rethrows -> Value {
        let (before, operations) = (done[phase!, default: 0], operations ?? work.parts[phase!]?.operationsPerRun ?? 0)
        let value = try body { share in
            self.set(before + share * operations)
            // As often as an eye can follow.
            if self.lastReport.map({ $0.duration(to: self.clock.now) > .milliseconds(100) }) ?? true { self.tell() }
        }
        set(before + operations)
        tell()
        return value
    }

    private func set(_ operations: Double) {
        let limit = work.parts[phase!]?.operations ?? 0
        done[phase!] = min(max(operations, done[phase!, default: 0]), limit)
        seconds[phase!] = phaseStart.duration(to: clock.now) / .seconds(1)
    }

    private func tell() {
        guard let report, let phase else { return }
        lastReport = clock.now
        let total = work.operations
        // In the order of the total's own sum, so that the end is 1 to the bit.
        let all = Phase.allCases.reduce(0) { $0 + done[$1, default: 0] }
        report(
            RestorationProgress(
                phase: phase, step: step, stepCount: stepCount, share: total > 0 ? min(all / total, 1) : 1,
                seconds: start.duration(to: clock.now) / .seconds(1), secondsLeft: secondsLeft()))
    }

    /// Each phase's rest at its own pace; the decoder's before it runs is the encoder's, and any other's that of all so far.
    private func secondsLeft() -> Double? {
        func pace(_ phases: [Phase]) -> Double? {
            let operations = phases.reduce(0) { $0 + done[$1, default: 0] } - (phases.contains(.sampling) ? skipped : 0)
            return operations > 0 ? phases.reduce(0) { $0 + seconds[$1, default: 0] } / operations : nil
        }
        guard let average = pace(Phase.allCases) else { return nil }
        return Phase.allCases.reduce(0) { sum, phase in
            let known = pace([phase]) ?? (phase == .decoding ? pace([.encodingImage]) : nil) ?? average
            return sum + ((work.parts[phase]?.operations ?? 0) - done[phase, default: 0]) * known
        }
    }
}
