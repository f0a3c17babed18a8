import Blur
import DeblurDiff
import Files
import Foundation
import GraphRuntime
import Images
import Tensors

/// Restores photographs from files to files, one after the other: reads, plans, restores, writes, and can be interrupted and go on.
///
/// For one thread at a time.
public final class PhotoRestorer {
    public let model: DeblurDiffModel
    public let settings: RestorationSettings
    private let interruption: Interruption
    private let report: (PhotoEvent) -> Void
    private let restorer: Restorer
    private let several: Bool
    private let recorder: Recorder?
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
    ///   - report: told what happens.
    ///   - observation: as ``Restorer`` takes it, for profiles.
    /// - Throws: an `InputError` for options that the model cannot take.
    public init(
        model: DeblurDiffModel, settings: RestorationSettings, several: Bool = false, recorder: Recorder? = nil,
        interruption: Interruption = Interruption(), report: @escaping (PhotoEvent) -> Void = { _ in },
        observation: ((_ program: Program, _ name: String) -> (Program.StepReport) throws -> Void)? = nil
    ) throws {
        self.model = model
        self.settings = settings
        self.interruption = interruption
        self.report = report
        self.several = several
        var recorder = recorder
        if !settings.views.isEmpty {
            guard !settings.restoration.tiled else { throw InputError("pictures that explain are not to be had with tiles", at: "`tiled`") }
            guard !model.without.contains(.lkpn) else { throw InputError("pictures that explain need the LKPN", at: "`without`") }
            guard model.configuration.lkpn != nil else {
                throw InputError("pictures that explain need the LKPN, and this is a \(model.configuration.system.title)", at: model.file.path)
            }
            let steps = settings.views.flatMap { $0.view.steps(of: settings.restoration.steps) }
            recorder = Recorder(stages: ["eac", "lkpn_kernel"], steps: Set(steps))
        }
        self.recorder = recorder
        let current = current
        restorer = try Restorer(
            model: model, options: settings.restoration, keepsDenoiser: several, recorder: recorder, observation: observation,
            // While steps run, the first request waits for the end of one.
            isCancelled: { interruption.isUrgent || (interruption.isRequested && !current.isSampling) },
            progress: { progress in
                current.isSampling = progress.phase == .sampling
                if let job = current.job { report(.progress(job, progress)) }
            })
    }

    /// Restores photographs in order. One that fails does not stop the others.
    ///
    /// - Parameter first: the first photograph, where it was read already.
    /// - Returns: what became of each.
    /// - Throws: ``Interrupted`` as asked for.
    @discardableResult public func restore(_ jobs: some Sequence<PhotoJob>, first: ReadPhoto? = nil) throws -> [PhotoReport] {
        settings.unfinished?.sweep()
        var first = first
        return try jobs.map { job in
            if interruption.isRequested { throw Interrupted() }
            defer { first = nil }
            return try restore(job, first)
        }
    }

    private func restore(_ job: PhotoJob, _ read: ReadPhoto?) throws -> PhotoReport {
        var result = PhotoReport(
            input: job.input, output: job.output, state: .done, seed: settings.restoration.seed & 0xffff_ffff,
            sample: job.sample == 0 ? nil : job.sample, model: FilePath.name(of: model.file.path), modelDigest: model.file.digest)
        do {
            let start = ContinuousClock.now
            result.state = try restore(job, read, &result)
            result.seconds = start.duration(to: .now) / .seconds(1)
            report(.ended(job, result, nil))
        } catch let error as InputError {
            let error = error.renaming(job.file, to: job.input)
            result.state = .failed
            result.error = "\(error)"
            report(.ended(job, result, error))
        }
        return result
    }

    private func restore(_ job: PhotoJob, _ read: ReadPhoto?, _ result: inout PhotoReport) throws -> PhotoReport.State {
        let digest = try MappedFile(path: job.file).sha256()
        let record = settings.record(model, inputDigest: digest, format: job.format, sample: job.sample)
        if settings.keepsResults, isThere(job, record) { return .skipped }
        let read = try read ?? ReadPhoto(job, limits: settings.limits, stripsMetadata: settings.stripsMetadata)
        for warning in read.warnings { report(.warning(job, warning)) }
        let photo = read.photo
        (result.width, result.height) = (photo.width, photo.height)
        let blur = BlurEstimate(photo)
        result.blur = blur.map { ($0.extent * 10).rounded() / 10 }
        if let blur, blur.isNearlySharp {
            if settings.onlyIfBlurred { return try copy(photo, job) }
            if settings.restoration.blend > 0 { report(.warning(job, PhotoRestorer.harm(job, blur))) }
        }
        if (photo.width, photo.height) != planned {
            let cost = try model.checkedCost(
                of: settings.restoration, height: photo.height, width: photo.width, sampleByteCount: PhotoHead(of: photo).sampleByteCount,
                keepsDenoiser: several || settings.preview.map { !$0.isFast } ?? false, available: settings.availableByteCount)
            restorer.arenaLimits = cost.arenaLimits
            report(.planned(job, cost, width: photo.width, height: photo.height))
            planned = (photo.width, photo.height)
        }
        let planes = try restored(photo, job, record)
        for (view, path) in settings.views { try draw(view, path, photo, planes) }
        let metadata = settings.stripsMetadata ? photo.metadata.stripped : photo.metadata.recording(record)
        try FilePath.makeFolder(FilePath.folder(of: job.output))
        try logger.timed("wrote \(job.output)") {
            try photo.restored(planes).withMetadata(metadata).write(job.output, as: job.format, options: settings.writing)
        }
        if let preview = settings.preview, preview.path == nil, preview.show == nil { unlink(FilePath.system(preview.path(for: job))) }
        if let unfinished = settings.unfinished {
            if settings.stripsMetadata { unfinished.remember(result: job.output, key: record.key) }
            unfinished.remove(record.key)
        }
        return .done
    }

    private static func harm(_ job: PhotoJob, _ blur: BlurEstimate) -> String {
        let sharp = "is nearly sharp, about \((blur.extent * 10).rounded() / 10) pixels of blur"
        return "\(job.input): \(sharp); restoring may take detail from it. `onlyIfBlurred` leaves such photographs as they are, `blend` mixes."
    }

    /// The photograph as it is: its file, byte for byte, unless the result is to be another format or to have no metadata.
    private func copy(_ photo: Photo, _ job: PhotoJob) throws -> PhotoReport.State {
        try FilePath.makeFolder(FilePath.folder(of: job.output))
        if try !settings.stripsMetadata && ImageFormats.codec(ofFile: job.file).name == job.format.name {
            let writer = try AtomicFileWriter(path: job.output)
            try MappedFile(path: job.file).withBytes { try writer.write($0) }
            try writer.commit()
        } else {
            let metadata = settings.stripsMetadata ? photo.metadata.stripped : photo.metadata
            try photo.withMetadata(metadata).write(job.output, as: job.format, options: settings.writing)
        }
        return .copied
    }

    /// Whether the result is there, made in the same way from the same photograph, and whole.
    private func isThere(_ job: PhotoJob, _ record: RestorationRecord) -> Bool {
        guard FileStatus(job.output)?.kind == S_IFREG, !job.output.hasPrefix("/dev/") else { return false }
        if settings.stripsMetadata { return settings.unfinished?.remembers(result: job.output, key: record.key) ?? false }
        guard let there = try? Photo(reading: job.output, limits: settings.limits) else { return false }
        return there.metadata.xmp.flatMap { RestorationRecord(in: $0) } == record
    }

    private func draw(_ view: any RestorationView, _ path: String, _ photo: Photo, _ result: Tensor) throws {
        let wanted = Set(settings.views.flatMap { $0.view.steps(of: settings.restoration.steps) }).sorted()
        let tensors = Dictionary((recorder?.tensors ?? []).map { ($0.0, $0.1) }) { first, _ in first }
        // With classifier-free guidance each step has two predictions, the first with what is wanted.
        let stride = settings.restoration.isGuided ? 2 : 1
        func stage(_ name: String) -> [Int: Tensor] {
            Dictionary(uniqueKeysWithValues: wanted.enumerated().compactMap { index, step in tensors["\(name).\(index * stride)"].map { (step, $0) } })
        }
        let plain = photo.planes()
        let material = ViewMaterial(
            photo: photo, result: photo.restored(result), stepCount: settings.restoration.steps, latentFactor: model.configuration.latentFactor,
            kernelSize: model.configuration.kernelSize ?? 1, guidance: stage("eac"), kernels: stage("lkpn_kernel"),
            decode: { [restorer] in photo.restored(try restorer.picture(of: $0, plain)) })
        try view.picture(material).write(path, as: ImageFormats.named(path) as? any WritableImageCodec ?? PNGCodec())
    }

    private func preview(_ photo: Photo, _ job: PhotoJob) -> RestorationPreview? {
        guard let preview = settings.preview else { return nil }
        return RestorationPreview(everySteps: preview.everySteps, isFast: preview.isFast) { [report] step, planes in
            let (height, width) = (planes.shape[2], planes.shape[3])
            let plain = Photo(width: width, height: height, pixels: [UInt8](repeating: 0, count: 3 * width * height))
            let shown = preview.isFast ? plain.restored(planes) : photo.restored(planes)
            if let show = preview.show { return try show(job, shown, step) }
            let path = preview.path(for: job)
            try shown.write(path, as: ImageFormats.named(path) as? any WritableImageCodec ?? PNGCodec())
            report(.preview(job, path: path, step: step))
        }
    }

    private func restored(_ photo: Photo, _ job: PhotoJob, _ record: RestorationRecord) throws -> Tensor {
        current.job = job
        current.isSampling = false
        defer { current.job = nil }
        let steps = settings.restoration.steps
        // What follows a photograph depends on where its random numbers end; only a run that is not interrupted knows.
        let unfinished = settings.restoration.seedMode == .each ? settings.unfinished : nil
        let key = record.key
        var last = ContinuousClock.now
        var kept: (step: Int, of: Int)?
        let state = unfinished?.load(key, latent: model.latentType(ofImage: photo.height, photo.width))
        if let state {
            kept = (state.step, steps)
            report(.resumed(job, step: state.step, of: steps))
        }
        do {
            // With one stream for all it goes on by itself.
            let sample = settings.restoration.seedMode == .each ? job.sample : 0
            return try restorer.restore(photo.planes(), sample: sample, from: state, preview: preview(photo, job)) { [settings, interruption] state in
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

/// A photograph from its file, and what will be lost of it.
public struct ReadPhoto: Sendable {
    public let photo: Photo
    /// What was left out or looked wrong, and what the result cannot hold, in sentences.
    public let warnings: [String]

    /// - Throws: an `InputError` where the file cannot be read, or the result's format cannot hold a picture of its size.
    public init(_ job: PhotoJob, limits: ReadingLimits, stripsMetadata: Bool) throws {
        var warnings: [String] = []
        do {
            photo = try logger.timed("read \(job.input)") {
                try Photo(reading: job.file, limits: limits) { warnings.append("\(job.input): \($0).") }
            }
        } catch let error as InputError { throw error.renaming(job.file, to: job.input) }
        do { try job.format.checkSize(width: photo.width, height: photo.height) } catch let error as InputError { throw error.at(job.output) }
        let kept = stripsMetadata ? photo.withMetadata(photo.metadata.stripped) : photo
        self.warnings = warnings + job.format.losses(of: kept).map { "\(job.output): \($0)." }
    }
}
