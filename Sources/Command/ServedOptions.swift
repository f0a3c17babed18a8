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
        Allowed("steps", .integer, 1...1000), Allowed("sampler", .choice), Allowed("spacing", .choice), Allowed("timesteps", .text), Allowed("eta", .number),
        Allowed("seed", .integer), Allowed("rng", .choice), Allowed("rng-skip", .integer), Allowed("cuda-device", .text), Allowed("pos-prompt", .text),
        Allowed("neg-prompt", .text), Allowed("cfg-scale", .number), Allowed("rescale-cfg", .flag), Allowed("better-start", .flag),
        Allowed("noise-aug", .integer, 0...999), Allowed("tiled", .flag), Allowed("tile-size", .integer),
        Allowed("tile-stride", .integer), Allowed("g-scale", .number), Allowed("g-start", .integer), Allowed("g-stop", .integer),
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
                return JobOptions.Parsed(settings: command.settings(for: model), format: command.writing.codec)
            },
            words: { namingOptions($0).replacing(#/--([a-z])/#) { "\($0.1)" } })
    }

    /// - Parameter steps: that the default model takes by itself.
    private static func presets(steps: Int) -> [JobOptions.Preset] {
        [
            JobOptions.Preset(
                id: "quick", title: "Quick", help: "Fewer steps: nearly the same, in less time.",
                options: steps > 8 ? ["steps": "15", "sampler": "dpm++2m-sde", "spacing": "trailing"] : ["steps": "1"]),
            JobOptions.Preset(id: "standard", title: "Standard", help: "As the model is meant to be used.", options: [:]),
            JobOptions.Preset(
                id: "careful", title: "Careful", help: "Mixes half of the result with the photograph, and leaves sharp ones as they are.",
                options: ["blend": "0.5", "only-if-blurred": "true"]),
        ]
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
            case (.flag, "false"): break
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

    static func descriptions() throws -> [JobOptions.Description] {
        let tool = try JSONDecoder().decode(Tool.self, from: Data(DeblurDiffCommand._dumpHelp().utf8))
        let arguments = tool.command.subcommands?.first { $0.commandName == "run" }?.arguments ?? []
        return allowed.map { option in
            guard let argument = arguments.first(where: { $0.names?.contains { $0.kind == "long" && $0.name == option.name } ?? false }) else {
                preconditionFailure("run has no option --\(option.name)")
            }
            let choices = option.name == "format" ? WritingFlags.names : argument.allValues
            return JobOptions.Description(
                name: option.name, kind: option.kind, default: option.kind == .flag ? "false" : argument.defaultValue,
                choices: option.kind == .choice ? choices : nil, minimum: option.minimum, maximum: option.maximum,
                help: (argument.abstract ?? "").replacing(#/--([a-z])/#) { "\($0.1)" })
        }
    }
}
