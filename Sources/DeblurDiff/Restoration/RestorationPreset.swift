import GraphRuntime

/// How much is given up for time: the one place where presets stand. What each costs is in `Docs/Steps.md`.
public struct RestorationPreset: Hashable, Sendable {
    public let name: String
    public let title: String
    /// A sentence.
    public let help: String
    /// Of the steps of a model that takes 50 by itself; the others take as large a part of their own. Nil for all.
    private var steps: Int?
    /// A model of few steps takes all of them.
    private var keepsFewSteps = false
    private var sampler = SamplerChoice.spaced
    private var spacing = TimestepSpacing.even
    private var betterStart = false
    private var forecastEvery = 1
    private var reuse: [StepSchedule.Stage: Int] = [:]
    /// Nil for the one that the program has without.
    public private(set) var precision: Precision?

    private init(_ name: String, _ help: String) { (self.name, self.title, self.help) = (name, name.prefix(1).uppercased() + name.dropFirst(), help) }

    /// The best first. A new one is an entry here, a row in `Tools/quality/rows.py` and one in `Docs/Steps.md`.
    public static let all = [
        RestorationPreset("exact", "As the model is meant to be used."),
        RestorationPreset("high", "Nearly the same in about half the time.").with {
            ($0.steps, $0.keepsFewSteps, $0.sampler, $0.spacing, $0.precision) = (20, true, named("dpm++3m-sde"), .trailing, .int16)
        },
        RestorationPreset("fast", "Fewer steps: a fifth of the time.").with {
            ($0.steps, $0.sampler, $0.spacing, $0.betterStart, $0.precision) = (10, named("dpm++2m-sde"), .trailing, true, .int16)
            $0.reuse = [.lkpn: 2, .controlNet: 2]
        },
        RestorationPreset("draft", "To see what will become of a photograph.").with {
            ($0.steps, $0.sampler, $0.spacing, $0.betterStart, $0.precision) = (4, named("unipc"), .trailing, true, .int16)
            $0.reuse = [.lkpn: 2, .controlNet: 2, .encoder: 2]
        },
    ]

    private func with(_ change: (inout RestorationPreset) -> Void) -> RestorationPreset {
        var preset = self
        change(&preset)
        return preset
    }

    private static func named(_ name: String) -> SamplerChoice { SamplerChoice.all.first { $0.name == name }! }

    /// Models that take so few steps by themselves were trained for their own way: presets take fewer steps of it, and change nothing else of it.
    private static let fewSteps = 10

    /// What it does to a model's own way.
    public struct Way: Hashable, Sendable {
        public var steps: Int
        public var sampler = SamplerChoice.spaced
        public var spacing = TimestepSpacing.even
        public var betterStart = false
        public var forecastEvery = 1
        public var reuse: [StepSchedule.Stage: Int] = [:]
    }

    /// - Parameter own: steps that the model takes by itself.
    public func way(own: Int) -> Way {
        let standard = RestorationOptions().steps
        let steps = steps.map { min(own, max(1, Int((Double(own * $0) / Double(standard)).rounded(.up)))) } ?? own
        guard own >= RestorationPreset.fewSteps else { return Way(steps: keepsFewSteps ? own : steps) }
        return Way(steps: steps, sampler: sampler, spacing: spacing, betterStart: betterStart, forecastEvery: forecastEvery, reuse: reuse)
    }
}

extension RestorationOptions {
    /// A preset's, for a model.
    public init(_ preset: RestorationPreset, for configuration: ModelConfiguration) {
        self.init(defaultsOf: configuration)
        let way = preset.way(own: steps)
        (steps, sampler, spacing, betterStart) = (way.steps, way.sampler, way.spacing, way.betterStart)
        leaveOut(forecastEvery: way.forecastEvery, reuse: way.reuse)
    }

    /// Sets the schedule that rules give for the steps.
    public mutating func leaveOut(forecastEvery: Int, reuse: [StepSchedule.Stage: Int]) {
        let schedule = StepSchedule(steps: steps, forecastEvery: forecastEvery, reuse: reuse)
        stepSchedule = schedule.isExact ? nil : schedule
    }
}
