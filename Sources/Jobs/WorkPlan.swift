import DeblurDiff
import Files
import Images

/// What restoring photographs will take, known before anything runs.
public struct WorkPlan: Encodable, Sendable {
    /// All photographs of a size.
    public struct Size: Encodable, Sendable {
        /// Upright, in pixels.
        public var width: Int
        public var height: Int
        public var photographs: [String]
        /// What the networks see, or each tile.
        public var insideWidth: Int
        public var insideHeight: Int
        public var tiles: Int
        /// Of one photograph.
        public var gigaFLOP: Double
        public var seconds: Double
        public var peakBytes: Int
        public var fits: Bool
    }

    public var schema = "deblurdiff.plan/1"
    public var model: String
    public var photographs = 0
    /// Of all, in their order, from the start of the process.
    public var seconds = 0.0
    /// Whether the machine's speed was measured; if not, `seconds` is by what its processors can do at most.
    public var isMeasured = true
    public var peakBytes = 0
    public var availableBytes: Int
    public var sizes: [Size] = []
    /// Photographs that cannot be read, and why.
    public var failures: [String: String] = [:]
    /// What takes less memory, where a photograph does not fit; in sentences.
    public var advice: String?

    /// Of each photograph, but for what all share.
    public var secondsByInput: [String: Double] = [:]

    private enum CodingKeys: CodingKey { case schema, model, photographs, seconds, isMeasured, peakBytes, availableBytes, sizes, failures, advice }

    /// How much may be measured for it.
    public enum Measuring {
        /// What is not known.
        case always
        /// What is not known, where the work is long by a rough estimate: so many seconds.
        case above(seconds: Double)
    }

    /// Reads the photographs' heads, and plans the programs for their sizes.
    ///
    /// - Parameters:
    ///   - speeds: by others than those that are kept for all.
    ///   - start: of the process, whose way so far counts as well.
    ///   - willMeasure: called before something is measured, which takes some seconds.
    /// - Throws: an `InputError` for options that the model cannot take. What is wrong with photographs is among the plan's ``failures``.
    public init(
        _ jobs: some Collection<PhotoJob>, model: DeblurDiffModel, settings: RestorationSettings, measuring: Measuring = .always,
        speeds: ModelSpeeds? = nil, since start: ContinuousClock.Instant = .now, willMeasure: () -> Void = {}
    ) throws {
        let speeds = speeds ?? ModelSpeeds(model)
        self.model = model.file.path
        availableBytes = settings.availableByteCount
        // The program itself, and the model's graphs.
        let base = ResidentMemory.byteCount ?? 0
        try settings.restoration.validate(for: model.configuration)
        var planner = Planner(model, settings, several: jobs.count > 1 || settings.preview.map { !$0.isFast } ?? false)
        var heads: [(job: PhotoJob, head: PhotoHead)] = []
        for job in jobs {
            do { heads.append((job, try PhotoHead(reading: job.file, limits: settings.limits))) } catch let error as InputError {
                failures[job.input] = error.what
            }
        }
        photographs = heads.count
        let rough = try heads.reduce(0) { try $0 + speeds.roughSeconds(planner.cost($1.head).cost) }
        if try !Set(heads.map(\.head)).allSatisfy({ try speeds.isKnown(planner.cost($0).cost) }) {
            if case .above(let seconds) = measuring, rough < seconds { isMeasured = false } else { willMeasure() }
        }
        let photoSpeeds = PhotoSpeeds(times: speeds.photographTimes)
        var rows: [PhotoHead: Size] = [:]
        var last: PhotoHead?
        var isFirst = true
        for (job, head) in heads {
            let (cost, scale) = try planner.cost(head)
            let time = isMeasured ? try speeds.time(of: cost) : RestorationTime(each: speeds.roughSeconds(cost))
            let input = (try? ImageFormats.codec(ofFile: job.file)) ?? job.format
            let photo = !isMeasured ? 0 : photoSpeeds.seconds(of: head, from: input, to: job.format, options: settings.writing)
            let isSame = last.map { (planner.insideSize($0), planner.insideSize(head)) }.map { $0 == $1 } ?? false
            let previews = settings.preview.map { $0.isFast ? 0 : (settings.restoration.steps - 1) / $0.everySteps } ?? 0
            let each = scale * (time.each + Double(previews) * time.decoding) + photo * Double(1 + previews)
            seconds += each + (isSame ? 0 : time.size + planner.planningSeconds(head)) + (isFirst ? time.once : 0)
            (last, isFirst) = (head, false)
            if rows[head] == nil {
                let inside = cost.plan.insideSize(factor: model.configuration.latentFactor)
                let peak = Int(scale * Double(cost.peakByteCount))
                rows[head] = Size(
                    width: head.width, height: head.height, photographs: [], insideWidth: inside.width, insideHeight: inside.height,
                    tiles: cost.plan.tileCount, gigaFLOP: scale * cost.floatingPointOperations / 1e9,
                    seconds: each + time.size + time.once + planner.planningSeconds(head), peakBytes: base + peak, fits: peak <= availableBytes)
                peakBytes = max(peakBytes, base + peak)
                if peak > availableBytes, advice == nil { advice = try model.adviceOnMemory(cost, height: head.height, width: head.width) }
            }
            rows[head]!.photographs.append(job.input)
            secondsByInput[job.input] = each
        }
        // What was measured now is known to the next plan, and to the run.
        if !heads.isEmpty { seconds += max(0, start.duration(to: .now) / .seconds(1) - speeds.spentSeconds) }
        sizes = rows.values.sorted { ($0.width * $0.height, $0.width) < ($1.width * $1.height, $1.width) }
    }

    public var fits: Bool { sizes.allSatisfy(\.fits) }
}

/// Plans for sizes, each once. Where there are very many of them, some are planned, and the others by the nearest.
private struct Planner {
    private struct Planned {
        var cost: RestorationCost
        var pixels: Double
        var seconds: Double
    }

    private let model: DeblurDiffModel
    private let settings: RestorationSettings
    private let several: Bool
    private var known: [PhotoHead: Planned] = [:]
    private static let mostPlans = 40

    init(_ model: DeblurDiffModel, _ settings: RestorationSettings, several: Bool) {
        (self.model, self.settings, self.several) = (model, settings, several)
    }

    /// What a photograph of this kind costs, or one nearly as large, and how many times as much this one does.
    mutating func cost(_ head: PhotoHead) throws -> (cost: RestorationCost, scale: Double) {
        let pixels = Double(head.width * head.height)
        if let planned = known[head] { return (planned.cost, 1) }
        if known.count >= Planner.mostPlans, let near = known.values.min(by: { abs($0.pixels - pixels) < abs($1.pixels - pixels) }) {
            return (near.cost, pixels / near.pixels)
        }
        let start = ContinuousClock.now
        let cost = try model.fittingCost(
            of: settings.restoration, height: head.height, width: head.width, sampleByteCount: head.sampleByteCount, keepsDenoiser: several,
            available: settings.availableByteCount)
        // Programs are planned again before the photograph and when they are made. Optimising the graphs, which are kept, takes about as long.
        known[head] = Planned(cost: cost, pixels: pixels, seconds: start.duration(to: .now) / .seconds(1))
        return (cost, 1)
    }

    /// Making the plans takes as long when the photograph is restored.
    func planningSeconds(_ head: PhotoHead) -> Double { known[head]?.seconds ?? 0 }

    /// Photographs of the same size inside share the denoiser's weights.
    func insideSize(_ head: PhotoHead) -> [Int] {
        let size = model.insideSize(height: head.height, width: head.width)
        return [size.width, size.height]
    }
}
