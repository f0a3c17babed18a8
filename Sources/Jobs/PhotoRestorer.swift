import DeblurDiff
import Files
import Foundation
import Images
import Tensors

/// Restores photographs from files to files, one after the other: reads, plans, restores, writes, and can be interrupted and go on.
///
/// For one thread at a time.
public final class PhotoRestorer {
    public let model: DeblurDiffModel
    public let settings: RestorationSettings
    private let interruption: Interruption
    private let report: (PhotoEvent) throws -> Void
    private let restorer: Restorer
    private let current = Current()
    /// The size that the last plan was for.
    private var planned = (width: 0, height: 0)

    /// The photograph whose progress is told.
    private final class Current {
        var job: PhotoJob?
        var isSampling = false
    }

    /// - Parameters:
    ///   - several: whether more than one photograph will come, so that the denoiser's weights are kept.
    ///   - interruption: asked between steps and kernels.
    ///   - report: told what happens; what it throws ends all.
    /// - Throws: an `InputError` for options that the model cannot take.
    public init(
        model: DeblurDiffModel, settings: RestorationSettings, several: Bool = false, recorder: Recorder? = nil,
        interruption: Interruption = Interruption(), report: @escaping (PhotoEvent) throws -> Void = { _ in }
    ) throws {
        self.model = model
        self.settings = settings
        self.interruption = interruption
        self.report = report
        let current = current
        restorer = try Restorer(
            model: model, options: settings.restoration, keepsDenoiser: several, recorder: recorder,
            // While steps run, the first request waits for the end of one.
            isCancelled: { interruption.isUrgent || (interruption.isRequested && !current.isSampling) },
            progress: { progress in
                current.isSampling = progress.phase == .sampling
                if let job = current.job { try? report(.progress(job, progress)) }
            })
    }

    /// Restores photographs in order. One that fails does not stop the others.
    ///
    /// - Returns: what became of each.
    /// - Throws: ``Interrupted`` as asked for; what reporting throws.
    @discardableResult public func restore(_ jobs: some Sequence<PhotoJob>) throws -> [PhotoReport] {
        settings.unfinished?.sweep()
        return try jobs.map { job in
            if interruption.isRequested { throw Interrupted() }
            return try restore(job)
        }
    }

    /// Restores a photograph.
    ///
    /// - Parameter photo: where it was read already.
    public func restore(_ job: PhotoJob, read photo: Photo? = nil) throws -> PhotoReport {
        var result = PhotoReport(
            input: job.input, output: job.output, state: .done, seed: settings.restoration.seed & 0xffff_ffff,
            model: FilePath.name(of: model.file.path), modelDigest: model.file.digest)
        do {
            let start = ContinuousClock.now
            result.state = try restore(job, photo, &result)
            result.seconds = start.duration(to: .now) / .seconds(1)
            try report(.ended(job, result, nil))
        } catch let error as InputError {
            result.state = .failed
            result.error = "\(error)"
            try report(.ended(job, result, error))
        }
        return result
    }

    private func restore(_ job: PhotoJob, _ given: Photo?, _ result: inout PhotoReport) throws -> PhotoReport.State {
        let digest = try MappedFile(path: job.input).sha256()
        let record = settings.record(model, inputDigest: digest)
        if !settings.overwrites, isThere(job, record) { return .skipped }
        let photo = try given ?? read(job)
        (result.width, result.height) = (photo.width, photo.height)
        if (photo.width, photo.height) != planned {
            let cost = try model.checkedCost(of: settings.restoration, height: photo.height, width: photo.width)
            try report(.planned(job, cost, width: photo.width, height: photo.height))
            planned = (photo.width, photo.height)
        }
        let planes = try restored(photo, job, record)
        let metadata = settings.stripsMetadata ? photo.metadata.stripped : photo.metadata.recording(record)
        try FilePath.makeFolder(FilePath.folder(of: job.output))
        try photo.restored(planes).withMetadata(metadata).write(job.output, as: job.format, options: settings.writing)
        if let unfinished = settings.unfinished { unfinished.remove(key(record)) }
        return .done
    }

    /// Reads a photograph, and tells what will be lost of it.
    public func read(_ job: PhotoJob) throws -> Photo {
        var warnings: [String] = []
        let photo = try Photo(reading: job.input, limits: settings.limits) { warnings.append($0) }
        for warning in warnings { try report(.warning(job, "\(job.input): \(warning).")) }
        do { try job.format.checkSize(width: photo.width, height: photo.height) } catch let error as InputError { throw error.at(job.output) }
        let kept = settings.stripsMetadata ? photo.withMetadata(photo.metadata.stripped) : photo
        for loss in job.format.losses(of: kept) { try report(.warning(job, "\(job.output): \(loss).")) }
        return photo
    }

    /// Whether the result is there, made in the same way from the same photograph, and whole.
    private func isThere(_ job: PhotoJob, _ record: RestorationRecord) -> Bool {
        guard settings.restoration.seedMode == .each, FileStatus(job.output)?.kind == S_IFREG,
            let there = try? Photo(reading: job.output, limits: settings.limits)
        else { return false }
        return there.metadata.xmp.flatMap { RestorationRecord(in: $0) } == record
    }

    private func key(_ record: RestorationRecord) -> String {
        UnfinishedStore.key([record.program, record.modelDigest, record.inputDigest, "\(record.seed)", record.options])
    }

    private func restored(_ photo: Photo, _ job: PhotoJob, _ record: RestorationRecord) throws -> Tensor {
        current.job = job
        current.isSampling = false
        defer { current.job = nil }
        let (planes, steps) = (photo.planes(), settings.restoration.steps)
        // What follows a photograph depends on where its random numbers end; only a run that is not interrupted knows.
        let unfinished = settings.restoration.seedMode == .each ? settings.unfinished : nil
        let key = key(record)
        var last = ContinuousClock.now
        var kept: (step: Int, of: Int)?
        let state = unfinished?.load(key, latent: model.latentType(ofImage: photo.height, photo.width))
        if let state {
            kept = (state.step, steps)
            try report(.resumed(job, step: state.step, of: steps))
        }
        do {
            return try restorer.restore(planes, from: state) { [settings, interruption] state in
                if let unfinished, interruption.isRequested || last.duration(to: .now) / .seconds(1) >= settings.secondsBetweenStates {
                    if unfinished.save(state, as: key) { kept = (state.step, steps) }
                    last = .now
                }
                if interruption.isRequested { throw Interrupted(kept: kept) }
            }
        } catch is CancellationError {
            throw Interrupted(kept: kept)
        }
    }
}
