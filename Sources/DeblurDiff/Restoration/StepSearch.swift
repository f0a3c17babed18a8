import Files
import Tensors

/// Finds what a model's steps can leave out: a greedy search that goes on with each of the rules, those first that save most, as far as a budget of error allows.
public struct StepSearch {
    /// What was tried.
    public struct Trial: Sendable {
        /// The rules, as "forecast 2, lkpn:3".
        public var words: String
        /// Of the exact steps' operations.
        public var share: Double
        /// Of the photograph with the largest; where that is too much, of the first one.
        public var error: Double
        public var isWithinBudget: Bool
    }

    public struct Found: Sendable {
        public var schedule: StepSchedule
        public var error: Double
        public var share: Double
    }

    private let model: DeblurDiffModel
    private let exact: RestorationOptions

    /// - Parameter options: of the exact restoration; a schedule in them does not count.
    /// - Throws: `InputError` for options that do not fit the model, or whose steps are too few to leave anything out.
    public init(_ model: DeblurDiffModel, options: RestorationOptions) throws {
        var exact = options
        exact.stepSchedule = nil
        try exact.validate(for: model.configuration)
        (self.model, self.exact) = (model, exact)
        guard Rules(steps: exact.steps).candidates().contains(where: { !$0.schedule.isExact }) else {
            throw InputError("leave nothing to be left out", at: "\(exact.steps) steps", advice: "Schedules begin to save at 3 steps.")
        }
    }

    /// The root of the mean square of two images' differences, of numbers of 0 to 1.
    public static func error(_ image: Tensor, _ reference: Tensor) -> Double {
        let squares = image.withFloats { image in
            reference.withFloats { reference in image.indices.reduce(0.0) { $0 + Double(image[$1] - reference[$1]) * Double(image[$1] - reference[$1]) } }
        }
        return (squares / Double(reference.type.elementCount)).squareRoot()
    }

    /// - Parameters:
    ///   - photos: float32 [1, 3, H, W], sRGB in 0...1. Each is restored some fifteen times.
    ///   - budget: the most that a result may differ from the exact one (``error(_:_:)``).
    /// - Returns: nil where nothing can be left out within the budget.
    public func run(_ photos: [Tensor], budget: Double, told: (Trial) -> Void = { _ in }) throws -> Found? {
        func restored(_ options: RestorationOptions, _ photo: Tensor) throws -> Tensor { try Restorer(model: model, options: options).restore(photo) }
        func operations(_ options: RestorationOptions) throws -> Double {
            try photos.reduce(0) { try $0 + model.plan(of: options, height: $1.shape[2], width: $1.shape[3]).floatingPointOperations }
        }
        let references = try photos.map { try restored(exact, $0) }
        let whole = try operations(exact)
        var rules = Rules(steps: exact.steps)
        var best = Found(schedule: StepSchedule(steps: exact.steps), error: 0, share: 1)
        search: while true {
            let candidates = try rules.candidates().map { candidate in
                var options = exact
                options.stepSchedule = candidate.schedule
                return (candidate, options, share: try operations(options) / whole)
            }.filter { $0.share < best.share }.sorted { $0.share < $1.share }
            for (candidate, options, share) in candidates {
                var worst = 0.0
                for (photo, reference) in zip(photos, references) where worst <= budget {
                    worst = max(worst, try StepSearch.error(restored(options, photo), reference))
                }
                told(Trial(words: candidate.words, share: share, error: worst, isWithinBudget: worst <= budget))
                guard worst <= budget else {
                    rules.refuse(candidate)
                    continue
                }
                rules.accept(candidate)
                best = Found(schedule: candidate.schedule, error: worst, share: share)
                continue search
            }
            return best.schedule.isExact ? nil : best
        }
    }

    /// How far each of the rules goes.
    private struct Rules {
        struct Candidate {
            var place: Int
            var schedule: StepSchedule
            var words: String
        }

        private static let intervals = [1, 2, 3, 5]
        private let steps: Int
        /// Of the forecast, then of each stage; places in `intervals`.
        private var levels = [Int](repeating: 0, count: 1 + StepSchedule.Stage.allCases.count)
        private var refused: Set<Int> = []

        init(steps: Int) { self.steps = steps }

        /// One rule further each.
        func candidates() -> [Candidate] {
            levels.indices.filter { !refused.contains($0) && levels[$0] + 1 < Rules.intervals.count }.map { place in
                var next = levels
                next[place] += 1
                let every = next.map { Rules.intervals[$0] }
                let stages = StepSchedule.Stage.allCases
                let reuse = Dictionary(uniqueKeysWithValues: zip(stages, every.dropFirst()))
                let words = (every[0] > 1 ? ["forecast \(every[0])"] : []) + stages.filter { reuse[$0]! > 1 }.map { "\($0.rawValue):\(reuse[$0]!)" }
                return Candidate(
                    place: place, schedule: StepSchedule(steps: steps, forecastEvery: every[0], reuse: reuse), words: words.joined(separator: ", "))
            }
        }

        mutating func accept(_ candidate: Candidate) { levels[candidate.place] += 1 }
        mutating func refuse(_ candidate: Candidate) { refused.insert(candidate.place) }
    }
}
