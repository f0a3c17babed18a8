import DeblurDiff

/// How far the work on several photographs is, by what each was planned to take.
public struct FolderProgress: Sendable {
    /// The photograph that is being restored, counted from 1.
    public private(set) var index = 1
    public let count: Int
    private let planned: [String: Double]
    private var (total, done) = (0.0, 0.0)
    /// Of planned seconds that are done, the time that they took.
    private var spent = 0.0
    /// Of the photograph under way.
    private var current = (planned: 0.0, share: 0.0, seconds: 0.0)

    /// - Parameter count: of all photographs, planned or not.
    public init(_ plan: WorkPlan, count: Int) {
        self.count = count
        planned = plan.secondsByInput
        total = max(plan.secondsByInput.values.reduce(0, +), 1e-9)
    }

    public mutating func update(_ job: PhotoJob, _ progress: RestorationProgress) {
        current = (planned[job.input] ?? total / Double(max(planned.count, 1)), progress.share, progress.seconds)
        // It was thought that it need not be made.
        if planned[job.input] == nil { total = max(total, done + current.planned) }
    }

    public mutating func end(_ report: PhotoReport) {
        index += 1
        let seconds = planned[report.input] ?? 0
        if report.state == .done {
            done += seconds
            spent += report.seconds ?? 0
        } else {
            total = max(total - seconds, done + 1e-9)
        }
        current = (0, 0, 0)
    }

    /// Of the work, 0 to 1.
    public var share: Double { min(1, (done + current.planned * current.share) / total) }

    /// As planned, and before long by the pace so far.
    public var secondsLeft: Double {
        let (finished, time) = (done + current.planned * current.share, spent + current.seconds)
        let pace = finished > 0.02 * total && finished > 2 ? time / finished : 1
        return max(0, total - finished) * pace
    }
}
