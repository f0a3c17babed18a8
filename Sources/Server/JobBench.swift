import DeblurDiff
import Files
import Foundation
import GraphViews
import Images
import Jobs

/// Does jobs, one after the other, on a thread of its own. What jobs with the same options share stays from one to the next.
///
/// For one thread.
final class JobBench: @unchecked Sendable {
    enum Outcome {
        case done(PhotoReport)
        case failed(detail: String, advice: String?)
        case interrupted
    }

    private struct Kept {
        var model: String
        var options: [String: String]
        var parsed: JobOptions.Parsed
        var restorer: PhotoRestorer
        var interruption: Interruption
    }

    /// What is told of the job under way.
    private final class Current {
        var running: RunningJob?
        var id = ""
        var warnings: [String] = []
        var failure: (any Error)?
        var began = ContinuousClock.now
        var samplingBegan: (time: ContinuousClock.Instant, step: Int)?
        var lastProgress = ContinuousClock.now
        var lastPreview: ContinuousClock.Instant?
    }

    private let files: JobFiles
    private let options: JobOptions
    private let settings: ServerSettings
    private let hub: EventHub
    private let current = Current()
    private var kept: Kept?
    /// Of the job under way. The page of the graphs shows sums, no events.
    private var profile = ProfileRecorder(eventLimit: 0)

    init(files: JobFiles, options: JobOptions, settings: ServerSettings, hub: EventHub) {
        (self.files, self.options, self.settings, self.hub) = (files, options, settings, hub)
    }

    /// Of the last job.
    var warnings: [String] { current.warnings }

    /// - Returns: what became of it, and the result's file name in the job's folder.
    func run(_ job: JobRecord, _ entry: ModelShelf.Entry, _ running: RunningJob) -> (outcome: Outcome, resultFile: String) {
        let now = ContinuousClock.now
        (current.running, current.id, current.warnings, current.failure) = (running, job.id, [], nil)
        (current.began, current.samplingBegan, current.lastProgress, current.lastPreview) = (now, nil, now, nil)
        profile = ProfileRecorder(eventLimit: 0)
        defer { current.running = nil }
        var file = "result"
        do {
            let kept = try prepared(job, entry)
            running.begin(kept.interruption)
            let input = files.input(job.id)
            let format = try kept.parsed.format ?? ImageFormats.codec(ofFile: input).resultFormat
            file = "result." + format.nameExtensions[0]
            let photo = PhotoJob(input: input, output: files.result(job.id, named: file), format: format)
            let report = try kept.restorer.restore([photo])[0]
            if let error = current.failure { throw error }
            if report.state == .done, !kept.parsed.settings.restoration.tiled, let width = report.width, let height = report.height {
                entry.profile.withLock { $0 = ModelShelf.Profile(report: profile.report(), width: width, height: height) }
            }
            return (.done(report), file)
        } catch is Interrupted {
            // What has been asked to stop cannot go on with another job.
            forget(job, entry)
            return (.interrupted, file)
        } catch let error as InputError {
            let problem = Problem(.unprocessableContent, error, words: options.words)
            return (.failed(detail: problem.detail, advice: problem.advice), file)
        } catch {
            kept = nil
            return (.failed(detail: "something went wrong: \(String(describing: error).printableLines)", advice: nil), file)
        }
    }

    private func prepared(_ job: JobRecord, _ entry: ModelShelf.Entry) throws -> Kept {
        let chosen = job.optionValues
        if let kept, kept.model == entry.id, kept.options == chosen, !kept.interruption.isRequested { return kept }
        // Its memory goes first.
        kept = nil
        var (parsed, explains) = try options.parsed(chosen, entry.model)
        parsed.settings.limits = settings.reading
        parsed.settings.memoryLimit = settings.memoryLimit
        parsed.settings.unfinished = UnfinishedStore(folder: files.unfinished)
        parsed.settings.secondsBetweenStates = 5
        var preview = RestorationSettings.Preview(everySteps: 1)
        preview.isFast = true
        if explains { Explanation.add(to: &parsed.settings, in: files.folder(job.id)) }
        preview.show = { [unowned self] _, picture, step in self.show(picture, step) }
        parsed.settings.preview = preview
        let interruption = Interruption()
        let restorer = try PhotoRestorer(
            model: entry.model, settings: parsed.settings, several: true, interruption: interruption, report: { [unowned self] in self.take($0) },
            observation: { [unowned self] program, name in self.profile.observer(of: program, named: name) })
        let made = Kept(model: entry.id, options: chosen, parsed: parsed, restorer: restorer, interruption: interruption)
        kept = made
        // Its pictures are of one job.
        if explains { kept?.options = [:]; kept?.model = "" }
        return made
    }

    /// A job that was given up leaves no state behind, which would show what the photograph shows.
    private func forget(_ job: JobRecord, _ entry: ModelShelf.Entry) {
        defer { kept = nil }
        guard current.running?.reason != .serverEnds, let kept else { return }
        guard let format = kept.parsed.format ?? ImageFormats.all.first(where: { $0.name.lowercased() == job.format })?.resultFormat else { return }
        UnfinishedStore(folder: files.unfinished).remove(kept.parsed.settings.record(entry.model, inputDigest: job.inputDigest, format: format).key)
    }

    // MARK: What is told

    private func take(_ event: PhotoEvent) {
        switch event {
        case .warning(let job, let text): current.warnings.append(options.words(JobBench.withoutPath(text, job)))
        case .progress(_, let progress): take(progress)
        case .ended(_, _, let error): current.failure = error
        case .planned, .resumed, .preview: break
        }
    }

    /// The sentence behind the path of the photograph or its result.
    private static func withoutPath(_ text: String, _ job: PhotoJob) -> String {
        for path in [job.input, job.output] where text.hasPrefix(path + ": ") { return String(text.dropFirst(path.count + 2)) }
        return text
    }

    private static let phases: [RestorationProgress.Phase: String] = [
        .encodingText: "encoding-text", .encodingImage: "encoding-image", .preparing: "preparing", .sampling: "sampling", .decoding: "decoding",
    ]

    private func take(_ progress: RestorationProgress) {
        let now = ContinuousClock.now
        if current.began.duration(to: now) / .seconds(1) > settings.maxSeconds { current.running?.stop(.tookTooLong) }
        let last = current.running?.progress
        let phase = JobBench.phases[progress.phase]!
        let wait: Duration = last?.phase == phase && last?.step == progress.step ? .milliseconds(500) : .milliseconds(50)
        guard last == nil || current.lastProgress.duration(to: now) >= wait else { return }
        current.lastProgress = now
        if progress.phase == .sampling, current.samplingBegan == nil { current.samplingBegan = (now, progress.step) }
        var each: Double?
        if let (time, step) = current.samplingBegan, progress.step > step, progress.phase == .sampling {
            each = time.duration(to: now) / .seconds(1) / Double(progress.step - step)
        }
        let answer = ProgressAnswer(
            phase: phase, step: progress.step, of: progress.stepCount, fraction: progress.share, secondsPerStep: each ?? last?.secondsPerStep,
            secondsLeft: progress.secondsLeft)
        current.running?.set(answer)
        hub.publish(.progress, of: current.id, encodeJSON(answer, pretty: false))
    }

    private func show(_ picture: Photo, _ step: Int) {
        let now = ContinuousClock.now
        if let last = current.lastPreview, last.duration(to: now) < .milliseconds(400) { return }
        current.lastPreview = now
        guard let file = try? picture.forBrowsers(longest: 512, quality: 80) else { return }
        current.running?.set(preview: file)
        let answer = PreviewAnswer(step: step, of: kept?.restorer.settings.restoration.steps ?? step, data: Data(file).base64EncodedString())
        hub.publish(.preview, of: current.id, encodeJSON(answer, pretty: false))
    }
}
