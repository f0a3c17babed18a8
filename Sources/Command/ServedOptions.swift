import ArgumentParser
import DeblurDiff
import Files
import Foundation
import Jobs
import Server

/// The options of `run` that jobs of `serve` may have: those that are about the restoration, and name no files. What they are called, their defaults, choices and help are
/// `run`'s own.
enum ServedOptions {
    private struct Allowed {
        var name: String
        var kind: JobOptions.Description.Kind
        var minimum: Double?
        var maximum: Double?

        init(_ name: String, _ kind: JobOptions.Description.Kind, _ range: ClosedRange<Double>? = nil) {
            (self.name, self.kind, minimum, maximum) = (name, kind, range?.lowerBound, range?.upperBound)
        }
    }

    /// An option that is not here is refused. (`seed-mode` would make a result depend on the jobs before.)
    private static let allowed = [
        Allowed("preset", .choice), Allowed("steps", .integer, 1...1000), Allowed("forecast", .integer, 1...1000), Allowed("reuse", .text),
        Allowed("sampler", .choice), Allowed("spacing", .choice), Allowed("timesteps", .text), Allowed("eta", .number),
        Allowed("seed", .integer), Allowed("rng", .choice), Allowed("rng-skip", .integer), Allowed("cuda-device", .text), Allowed("pos-prompt", .text),
        Allowed("neg-prompt", .text), Allowed("cfg-scale", .number), Allowed("rescale-cfg", .flag), Allowed("better-start", .flag),
        Allowed("noise-aug", .integer, 0...999), Allowed("tiled", .flag), Allowed("tile-size", .integer),
        Allowed("tile-stride", .integer), Allowed("tile-blend", .choice), Allowed("g-scale", .number), Allowed("g-start", .integer),
        Allowed("g-stop", .integer),
        Allowed("g-repeat", .integer), Allowed("g-space", .choice), Allowed("g-loss", .choice), Allowed("strength", .number), Allowed("blend", .number, 0...1),
        Allowed("only-if-blurred", .flag),
        Allowed("format", .choice), Allowed("jpeg-quality", .integer, 1...100), Allowed("strip-metadata", .flag),
    ]

    static func make(for model: DeblurDiffModel) throws -> JobOptions {
        JobOptions(
            program: DeblurDiffCommand.program, descriptions: try descriptions(),
            presets: presets(steps: RestorationOptions(defaultsOf: model.configuration).steps),
            parse: { options, model in
                let command = try parse(options)
                return JobOptions.Parsed(settings: try command.settings(for: model), format: command.writing.codec)
            },
            words: { namingOptions($0).replacing(#/--([a-z])/#) { "\($0.1)" } })
    }

    /// Those of the command, fast ones first, but for such as differ from others in the precision alone, which a server has for all jobs.
    ///
    /// - Parameter steps: that the default model takes by itself.
    private static func presets(steps: Int) -> [JobOptions.Preset] {
        var presets: [JobOptions.Preset] = []
        for preset in RestorationPreset.all {
            let options = options(preset.way(own: steps), steps: steps)
            if presets.contains(where: { $0.options == options }) { continue }
            presets.insert(JobOptions.Preset(id: preset.name, title: preset.title, help: preset.help, options: options), at: 0)
        }
        return presets + [
            JobOptions.Preset(
                id: "careful", title: "Careful", help: "Mixes half of the result with the photograph, and leaves sharp ones as they are.",
                options: ["blend": "0.5", "only-if-blurred": "true"])
        ]
    }

    /// What a preset's way is in options.
    private static func options(_ way: RestorationPreset.Way, steps: Int) -> [String: String] {
        let standard = RestorationPreset.all[0].way(own: steps)
        var options: [String: String] = [:]
        if way.steps != standard.steps { options["steps"] = "\(way.steps)" }
        if way.sampler != standard.sampler { options["sampler"] = way.sampler.name }
        if way.spacing != standard.spacing { options["spacing"] = way.spacing.name }
        if way.betterStart { options["better-start"] = "true" }
        if way.forecastEvery > 1 { options["forecast"] = "\(way.forecastEvery)" }
        if !way.reuse.isEmpty { options["reuse"] = way.reuse.map { "\($0.rawValue):\($1)" }.sorted().joined(separator: ",") }
        return options
    }

    /// The command that restores with some options.
    static func parse(_ options: [String: String]) throws -> RunCommand {
        var arguments: [String] = []
        for (name, value) in options.sorted(by: { $0.key < $1.key }) {
            guard let known = allowed.first(where: { $0.name == name }) else {
                throw InputError("there is no option '\(name.printable)'", advice: "The options are: \(allowed.map(\.name).joined(separator: ", ")).")
            }
            switch (known.kind, value) {
            case (.flag, "true"): arguments.append("--\(name)")
            // A preset may have turned it on.
            case (.flag, "false"): if known.name == "better-start" { arguments.append("--no-better-start") }
            case (.flag, _): throw InputError("'\(name)' must be true or false, not '\(value.printable)'")
            default: arguments += value.isEmpty ? ["--\(name)", ""] : ["--\(name)=\(value)"]
            }
        }
        do {
            return try RunCommand.parse(["--output", "result", "--seed-mode", "each", "photograph"] + arguments)
        } catch {
            // The first line says what is wrong; the others are the command's usage.
            throw InputError(String(RunCommand.message(for: error).prefix { $0 != "\n" }))
        }
    }

    // MARK: What `run --help` says

    private struct Tool: Decodable { var command: Command }

    private struct Command: Decodable {
        var commandName: String
        var subcommands: [Command]?
        var arguments: [Argument]?
    }

    private struct Argument: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String
        }

        var names: [Name]?
        var abstract: String?
        var defaultValue: String?
        var allValues: [String]?
    }

    /// Of options that a preset may decide.
    private static let standard = ["preset": RestorationPreset.all[0].name, "sampler": SamplerChoice.spaced.name, "spacing": TimestepSpacing.even.name]

    static func descriptions() throws -> [JobOptions.Description] {
        let tool = try JSONDecoder().decode(Tool.self, from: Data(DeblurDiffCommand._dumpHelp().utf8))
        let arguments = tool.command.subcommands?.first { $0.commandName == "run" }?.arguments ?? []
        return allowed.map { option in
            guard let argument = arguments.first(where: { $0.names?.contains { $0.kind == "long" && $0.name == option.name } ?? false }) else {
                preconditionFailure("run has no option --\(option.name)")
            }
            let choices = option.name == "format" ? WritingFlags.names : argument.allValues
            return JobOptions.Description(
                name: option.name, kind: option.kind, default: option.kind == .flag ? "false" : argument.defaultValue ?? standard[option.name],
                choices: option.kind == .choice ? choices : nil, minimum: option.minimum, maximum: option.maximum,
                help: (argument.abstract ?? "").replacing(#/--([a-z])/#) { "\($0.1)" })
        }
    }
}
