import ArgumentParser
import DeblurDiff
import Files
import Foundation
import Images
import Tensors

struct TuneStepsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune-steps",
        abstract: "Find out what a model's steps can leave out within a budget of error.",
        discussion: """
            Restores the photographs with all that the options ask for, and then with more and more left out, what saves most first, as long as each result stays within the budget. What \
            is found is written as a schedule, which 'run --step-schedule' takes; see 'deblurdiff help steps'. Few and small photographs will do; each is restored some fifteen times.
            """)

    @Argument(help: ArgumentHelp("Photographs; a model may stand in front of them.", valueName: "image"))
    var images: [String]

    @OptionGroup var source: ModelOption

    @Option(
        help: ArgumentHelp(
            "The most that a result may differ from the exact one: the root of the mean square, of numbers of 0 to 1, as 0.01, or the least PSNR, as 40dB.",
            valueName: "error"))
    var budget: ErrorBudget

    @Option(name: [.short, .long], help: ArgumentHelp("Where to write the schedule.", valueName: "file"))
    var output = "steps.json"

    @OptionGroup var restoration: RestorationFlags

    @OptionGroup var reading: ReadingFlags

    @OptionGroup var runtime: RuntimeFlags

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    /// A schedule, and how it was found.
    private struct Found: Encodable {
        var schedule: StepSchedule
        var model: String
        var sampler: String
        var error: Double
        var operations: Double

        func encode(to encoder: any Encoder) throws {
            try schedule.encode(to: encoder)
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(model, forKey: .model)
            try values.encode(sampler, forKey: .sampler)
            try values.encode(error, forKey: .error)
            try values.encode(operations, forKey: .operations)
        }

        private enum CodingKeys: CodingKey { case model, sampler, error, operations }
    }

    func run() throws {
        var images = images
        let path = try source.named(before: &images) ?? defaultModel()
        guard !images.isEmpty else { throw ValidationError("Name at least one photograph.") }
        try OutputFile.check([output], reads: images + [path])
        let photos = try images.map { try Photo(reading: $0, limits: reading.limits).planes() }
        let model = try DeblurDiffModel(
            path: path, options: runtime.makeOptions(restoration.preset), optimization: runtime.optimization.options, packedFolder: PackedFolder.standard)
        var exact = try restoration.options(for: model.configuration)
        exact.stepSchedule = nil
        try exact.validate(for: model.configuration)
        let progress = ProgressReporter(quiet: quiet)
        func restored(_ options: RestorationOptions, _ photo: Tensor) throws -> Tensor { try Restorer(model: model, options: options).restore(photo) }
        func operations(_ options: RestorationOptions) throws -> Double {
            try photos.reduce(0) { try $0 + model.plan(of: options, height: $1.shape[2], width: $1.shape[3]).floatingPointOperations }
        }
        var search = StepSearch(steps: exact.steps)
        guard search.candidates().contains(where: { !$0.schedule.isExact }) else {
            throw InputError("leave nothing to be left out", at: "\(exact.steps) steps", advice: "Schedules begin to save at 3 steps.")
        }
        let references = try photos.map { try restored(exact, $0) }
        let whole = try operations(exact)
        var best = Found(
            schedule: StepSchedule(steps: exact.steps), model: FilePath.name(of: path), sampler: exact.sampler.name, error: 0, operations: whole)
        search: while true {
            let candidates = try search.candidates().map { candidate in
                var options = exact
                options.stepSchedule = candidate.schedule
                return (candidate, options, try operations(options))
            }.filter { $0.2 < best.operations }.sorted { $0.2 < $1.2 }
            for (candidate, options, operations) in candidates {
                var worst = 0.0
                for (photo, reference) in zip(photos, references) where worst <= budget.error {
                    worst = max(worst, try ErrorBudget.error(restored(options, photo), reference))
                }
                let isIn = worst <= budget.error
                progress.finish(
                    String(format: "%.0f %% of the work, error %.4f (%.1f dB)", 100 * operations / whole, worst, ErrorBudget.decibels(worst))
                        + ": \(candidate.words)\(isIn ? "" : ", too much")")
                guard isIn else {
                    search.refuse(candidate)
                    continue
                }
                search.accept(candidate)
                (best.schedule, best.error, best.operations) = (candidate.schedule, worst, operations)
                continue search
            }
            break
        }
        guard !best.schedule.isExact else { throw InputError("nothing can be left out within it", at: "--budget \(budget.text)") }
        best.operations /= whole
        try writeOutput(encodeJSON(best) + "\n", to: output)
        progress.finish(String(format: "Wrote \(output): %.0f %% of the work, error %.4f.", 100 * best.operations, best.error))
    }
}

/// How far results may be from the exact ones.
struct ErrorBudget: ExpressibleByArgument {
    var text: String
    /// The root of the mean square, where all numbers are 0...1.
    var error: Double

    init?(argument: String) {
        let isPSNR = argument.lowercased().hasSuffix("db")
        guard let number = Double(isPSNR ? String(argument.dropLast(2)) : argument), number.isFinite, number > 0, isPSNR || number < 1 else { return nil }
        (text, error) = (argument, isPSNR ? pow(10, -number / 20) : number)
    }

    static func error(_ result: Tensor, _ reference: Tensor) -> Double {
        let squares = zip(result.floatArray, reference.floatArray).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
        return (squares / Double(reference.type.elementCount)).squareRoot()
    }

    static func decibels(_ error: Double) -> Double { -20 * log10(max(error, 1e-10)) }
}

/// A greedy search: each of the rules goes on as far as the budget allows.
struct StepSearch {
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
        levels.indices.filter { !refused.contains($0) && levels[$0] + 1 < StepSearch.intervals.count }.map { place in
            var next = levels
            next[place] += 1
            let every = next.map { StepSearch.intervals[$0] }
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
