import ArgumentParser
import DeblurDiff
import Files
import Foundation
import Images

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
    private struct Report: Encodable {
        var found: StepSearch.Found
        var model: String
        var sampler: String

        func encode(to encoder: any Encoder) throws {
            try found.schedule.encode(to: encoder)
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(model, forKey: .model)
            try values.encode(sampler, forKey: .sampler)
            try values.encode(found.error, forKey: .error)
            try values.encode(found.share, forKey: .operations)
        }

        private enum CodingKeys: CodingKey { case model, sampler, error, operations }
    }

    func run() throws {
        var images = images
        let path = try source.named(before: &images) ?? defaultModel()
        guard !images.isEmpty else { throw ValidationError("Name at least one photograph.") }
        try OutputFile.check([output], reads: images + [path])
        let photos = try images.map { try Photo(reading: $0, limits: reading.limits).planes() }
        let model = try runtime.openModel(path, restoration.preset, packedFolder: PackedFolder.standard)
        let options = try restoration.options(for: model.configuration)
        let progress = ProgressReporter(quiet: quiet)
        let found = try StepSearch(model, options: options).run(photos, budget: budget.error) { trial in
            progress.finish(
                String(format: "%.0f %% of the work, error %.4f (%.1f dB)", 100 * trial.share, trial.error, ErrorBudget.decibels(trial.error))
                    + ": \(trial.words)\(trial.isWithinBudget ? "" : ", too much")")
        }
        guard let found else { throw InputError("nothing can be left out within it", at: "--budget \(budget.text)") }
        try writeOutput(encodeJSON(Report(found: found, model: FilePath.name(of: path), sampler: options.sampler.name)) + "\n", to: output)
        progress.finish(String(format: "Wrote \(output): %.0f %% of the work, error %.4f.", 100 * found.share, found.error))
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

    static func decibels(_ error: Double) -> Double { -20 * log10(max(error, 1e-10)) }
}
