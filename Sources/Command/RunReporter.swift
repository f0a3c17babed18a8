import DeblurDiff
import Files
import Foundation
import Jobs

/// Puts what happens into words.
final class RunReporter {
    private let progress: ProgressReporter
    private let model: DeblurDiffModel
    private let count: Int
    private let interruption: Interruption
    /// Whether the same command will leave out what is done.
    private let keepsResults: Bool
    private var hasToldOfStopping = false
    private var folder: FolderProgress?
    private var lastError: (any Error)?
    /// Of the photographs that have ended.
    private(set) var reports: [PhotoReport] = []

    init(_ progress: ProgressReporter, model: DeblurDiffModel, count: Int, interruption: Interruption, keepsResults: Bool) {
        self.progress = progress
        self.model = model
        self.count = count
        self.interruption = interruption
        self.keepsResults = keepsResults
    }

    func report(_ event: PhotoEvent) {
        switch event {
        case .warning(_, let text): progress.warn(namingOptions(text))
        case .planned: break
        case .preview(let job, let path, let step):
            progress.event("preview", ["input": .string(job.input), "path": .string(path), "step": .integer(step)])
        case .resumed(let job, let step, let steps): progress.finish("Going on with \(job.input) behind step \(step) of \(steps).")
        case .progress(let job, let state):
            if interruption.isRequested, !hasToldOfStopping {
                hasToldOfStopping = true
                progress.finish("Stopping after this step. Once more to stop at once.")
            }
            folder?.update(job, state)
            progress.restoration(FilePath.name(of: job.input), state, folder: folder)
        case .ended(let job, let report, let error):
            reports.append(report)
            folder?.end(report)
            progress.event("ended", ["report": report.json])
            switch report.state {
            case .done:
                progress.finish("Wrote \(job.output): \(report.width ?? 0) x \(report.height ?? 0), \(formatDuration(report.seconds ?? 0)).")
            case .copied: progress.finish("Wrote \(job.output): the photograph as it was, since it is nearly sharp.")
            case .skipped:
                if count == 1 { progress.finish("\(job.output) is there already, made in the same way; --overwrite makes it anew.") }
            case .failed:
                lastError = error
                if count > 1, let error { progress.report(error) }
            }
            let skipped = reports.count { $0.state == .skipped }
            if reports.count == count, skipped > 0, count > 1 { progress.finish("\(skipped) of \(count) results were there already, made in the same way.") }
        }
    }

    /// The first line: what the photographs will take whose results are not there.
    func tell(_ plan: WorkPlan) {
        if count > 1 { folder = FolderProgress(plan, count: count) }
        progress.event(
            "plan",
            [
                "photographs": .integer(plan.photographs), "seconds": .number(plan.seconds), "peakBytes": .integer(plan.peakBytes),
                "availableBytes": .integer(plan.availableBytes),
            ])
        let there = count - plan.photographs - plan.failures.count
        let model = FilePath.name(of: plan.model)
        guard plan.photographs > 0 else {
            if there > 0, count > 1 { progress.finish("All \(count) results are there; those made otherwise are made anew.") }
            return
        }
        let what = count == 1 ? plan.sizes.first.map { "\($0.width) x \($0.height) pixels" } ?? "" : countOfPhotographs(plan.photographs)
        let rest = there == 0 ? "" : "; \(there) results are there, and are made anew where they were made otherwise"
        progress.finish("Restoring \(what) with \(model): about \(formatDuration(plan.seconds)), \(Units.bytes(plan.peakBytes)) of memory\(rest).")
        if plan.seconds > 3600 {
            let narrow = self.model.options.precision == .float32 ? "--precision int16 and " : ""
            progress.warn("This is long. Fewer --steps, \(narrow)smaller images take less time.")
        }
        if !plan.fits, count > 1 {
            let tooLarge = plan.sizes.filter { !$0.fits }.reduce(0) { $0 + $1.photographs.count }
            progress.warn("\(countOfPhotographs(tooLarge)) will not fit into memory: there are \(Units.bytes(plan.availableBytes)). \(plan.advice ?? "")")
        }
    }

    func words(for error: Interrupted) -> InputError {
        let what = "stopped: " + (count > 1 ? "\(reports.count) of \(count) photographs are done" : "nothing is written")
        if let kept = error.kept { return InputError(what, advice: "Step \(kept.step) of \(kept.of) is kept: the same command goes on from there.") }
        return InputError(what, advice: count > 1 && keepsResults ? "The same command goes on with the rest." : "The same command begins anew.")
    }

    /// What the command fails with.
    var failure: (any Error)? {
        let failed = reports.filter { $0.state == .failed }
        guard !failed.isEmpty, count > 1 else { return lastError }
        let list = failed.prefix(20).map { "\n    \($0.input)" }.joined() + (failed.count > 20 ? "\n    ..." : "")
        return InputError("\(failed.count) of \(count) images could not be restored\(failed.count < count ? "; the others were written" : ""):\(list)")
    }
}
