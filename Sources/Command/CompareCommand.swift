import ArgumentParser
import DeblurDiff
import Files
import Foundation
import GraphFile
import GraphPasses
import GraphRuntime
import Images
import Tensors

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Run a model in two ways and show where they part: node by node, and in the final image.",
        discussion: """
            A way is a level, a precision, a preset of 'run', or several of them: -O0, -O1, int16, -O1,int16, fast. A preset's steps count for the final image alone, \
            which is then beside that of the model's own steps. With a tolerance, the first value beyond it is named with \
            the pass whose rewrite made it, and the exit status is 1.
            """)

    @OptionGroup var source: ModelOption

    @Argument(help: ArgumentHelp("A photograph; the model may stand in front of it.", valueName: "image"))
    var images: [String]

    @Option(parsing: .unconditional, help: ArgumentHelp("The way that is taken for right.", valueName: "way"))
    var reference = Way(level: .o0, precision: .float32)

    @Option(parsing: .unconditional, help: ArgumentHelp("The way that is compared with it.", valueName: "way"))
    var against = Way(level: .o1, precision: .float32)

    @Option(help: "Relative error of a value that is too much.")
    var tolerance: Double?

    @Option(help: "Also restore the image in both ways with so many steps, or a preset's, and compare the results; 0 leaves it out.")
    var steps = 2

    @Option(name: .customLong("disable"), help: ArgumentHelp("Leave out a pass on the compared side; may be repeated.", valueName: "pass"))
    var disabled: [String] = []

    @Option(help: ArgumentHelp("Stop the compared side's passes after so many rewrites.", valueName: "n"))
    var stopAfter: Int?

    @Option(help: "Threads to compute with. (default: one a processor)")
    var threads: Int?

    @OptionGroup var reading: ReadingFlags

    @Flag(help: "Show every value, not only the worst of each part.")
    var all = false

    /// A level, a precision and a preset.
    struct Way: ExpressibleByArgument {
        var level: OptimizationLevel
        var precision: Precision
        var preset: RestorationPreset?

        init(level: OptimizationLevel, precision: Precision) {
            self.level = level
            self.precision = precision
        }

        init?(argument: String) {
            self.init(level: .o1, precision: .float32)
            for part in argument.split(separator: ",") {
                if let precision = Precision(argument: String(part)) {
                    self.precision = precision
                } else if let level = OptimizationLevel(name: part.hasPrefix("-") ? String(part.dropFirst()) : String(part)) {
                    self.level = level
                } else if let preset = RestorationPreset(argument: String(part)) {
                    self.preset = preset
                    precision = preset.precision ?? precision
                } else {
                    return nil
                }
            }
        }

        var defaultValueDescription: String {
            (["-\(level.name)"] + (precision == .float32 ? [] : [precision.rawValue]) + (preset.map { [$0.name] } ?? [])).joined(separator: ",")
        }
    }

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads must be 1 to 1024.") }
        guard (0...1000).contains(steps) else { throw ValidationError("--steps must be 0 to 1000.") }
    }

    func run() throws {
        var images = images
        let path = try source.named(before: &images, limit: 1) ?? defaultModel()
        guard images.count == 1 else { throw ValidationError("Name one image, not \(images.count).") }
        let photo = try Photo(reading: images[0], limits: reading.limits)
        let planes = photo.planes()
        let pool = ThreadPool(threadCount: threads)
        func open(_ way: Way, compared: Bool) throws -> DeblurDiffModel {
            var options = RuntimeOptions(pool: pool)
            options.precision = way.precision
            options.packsWeights = way.level > .o0
            var optimization = OptimizationOptions()
            optimization.level = way.level
            if compared { optimization.pipeline = PipelineOptions(disabledPasses: Set(disabled), stopAfter: stopAfter) }
            return try DeblurDiffModel(path: path, options: options, optimization: optimization)
        }
        let (first, second) = (try open(reference, compared: false), try open(against, compared: true))
        let pixels = Padding.padded(planes, multiple: first.configuration.imageMultiple)
        try print("\(against.defaultValueDescription) against \(reference.defaultValueDescription), relative errors")
        var verdict: InputError?
        try ModelComparison.run(reference: first, against: second, pixels: pixels) { part in
            let worst = part.differences.max { $0.relativeError < $1.relativeError }
            let last = part.differences.last
            try print(
                "  \(part.name.padding(toLength: 13, withPad: " ", startingAt: 0)) \(part.differences.count) values, "
                    + String(format: "result %.2e, worst %.2e", last?.relativeError ?? 0, worst?.relativeError ?? 0) + " at %\(worst?.name ?? "")")
            if all {
                for difference in part.differences { try print(String(format: "    %.2e  %%", difference.relativeError) + difference.name) }
            }
            if let tolerance, verdict == nil, let (difference, pass) = part.first(over: tolerance) {
                verdict = InputError(
                    String(format: "%.2e is more than %.2e", difference.relativeError, tolerance), at: "\(part.name): %\(difference.name)",
                    advice: pass.map { "The node is the work of the pass '\($0)'; try --disable \($0)." })
            }
        }
        if steps > 0 {
            let hasPreset = reference.preset != nil || against.preset != nil
            func restore(_ model: DeblurDiffModel, _ way: Way) throws -> Photo {
                var options = RestorationOptions()
                options.steps = steps
                if hasPreset {
                    options = way.preset.map { RestorationOptions($0, for: model.configuration) } ?? RestorationOptions(defaultsOf: model.configuration)
                }
                return photo.restored(try Restorer(model: model, options: options).restore(planes))
            }
            let comparison = PhotoComparison(try restore(second, against), try restore(first, reference))
            try print(
                String(
                    format: "  image after \(hasPreset ? "all" : "\(steps)") steps: PSNR %.2f dB, %.3f %% of samples within 1, largest difference %d",
                    comparison.psnr,
                    100 * comparison.share(within: 1), comparison.largestDifference))
        }
        if let verdict { throw verdict }
    }
}
