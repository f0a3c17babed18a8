import ArgumentParser
import DeblurDiff
import Files
import Foundation

/// What is left out of the steps.
struct StepFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Leave out what a schedule says of the steps: a file of 'tune-steps', or its JSON. See 'deblurdiff help steps'.", valueName: "file"))
    var stepSchedule: StepScheduleText?

    @Option(
        help: ArgumentHelp(
            "Of the steps between the first four and the last tenth compute every nth, and forecast the others from those before; an approximation.",
            valueName: "n"))
    var forecast: Int?

    @Option(
        help: ArgumentHelp(
            "Compute a stage (lkpn, control_net, encoder, decoder) at the first two steps, every nth and the last, and keep its result between; an approximation.",
            valueName: "stage:n,..."))
    var reuse: StageIntervals?

    func validate() throws {
        if let forecast, !(1...1000).contains(forecast) { throw ValidationError("--forecast must be 1 to 1000, not \(forecast).") }
        guard stepSchedule == nil || forecast == nil && reuse == nil else {
            throw ValidationError("--step-schedule stands in place of --forecast and --reuse.")
        }
    }

    /// Sets the schedule, for options whose steps are known.
    ///
    /// - Parameter preset: what is left out where nothing is said.
    func apply(to options: inout RestorationOptions, preset: RestorationPreset.Way?) throws {
        if let stepSchedule { return options.stepSchedule = try stepSchedule.schedule() }
        options.leaveOut(
            forecastEvery: forecast ?? preset?.forecastEvery ?? 1, reuse: (preset?.reuse ?? [:]).merging(reuse?.values ?? [:]) { $1 })
    }
}

/// A schedule as a path, or as JSON.
struct StepScheduleText: ExpressibleByArgument {
    var text: String

    init?(argument: String) {
        guard !argument.isEmpty else { return nil }
        text = argument
    }

    func schedule() throws -> StepSchedule {
        let isFile = !text.hasPrefix("{")
        let data = isFile ? try Data(MappedFile(path: text).text().utf8) : Data(text.utf8)
        guard data.count <= 1 << 20, let schedule = try? JSONDecoder().decode(StepSchedule.self, from: data) else {
            throw InputError("is no schedule of steps", at: isFile ? text : "--step-schedule", advice: "See 'deblurdiff help steps'.")
        }
        return schedule
    }
}

/// `lkpn:2,encoder:3`.
struct StageIntervals: ExpressibleByArgument {
    var values: [StepSchedule.Stage: Int] = [:]

    init?(argument: String) {
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let words = part.split(separator: ":", omittingEmptySubsequences: false)
            guard words.count == 2, let stage = StepSchedule.Stage(rawValue: String(words[0])), let every = Int(words[1]), (1...1000).contains(every),
                values.updateValue(every, forKey: stage) == nil
            else { return nil }
        }
    }
}

extension RestorationPreset: ExpressibleByArgument {
    public init?(argument: String) {
        guard let preset = RestorationPreset.all.first(where: { $0.name == argument }) else { return nil }
        self = preset
    }

    public var defaultValueDescription: String { name }
    public static var allValueStrings: [String] { all.map(\.name) }
}
