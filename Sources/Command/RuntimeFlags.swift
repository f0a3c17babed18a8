import ArgumentParser
import DeblurDiff
import GraphPasses
import GraphRuntime

/// Options of every command that optimises graphs.
struct OptimizationFlags: ParsableArguments {
    @Option(
        name: .customShort("O", allowingJoined: true),
        help: ArgumentHelp(
            "How far graphs are optimised: 0 as imported, 1 exact up to the order of additions.", valueName: "level"))
    var level = OptimizationLevel.standard

    @Option(name: .customLong("disable"), help: ArgumentHelp("Leave out a pass (see 'passes'); may be repeated.", valueName: "pass"))
    var disabled: [String] = []

    @Option(
        help: ArgumentHelp(
            "Build the denoising step without a part, as the paper's ablations: lkpn (the blurred image is the guidance), eac (the LKPN's output is), feedback (the LKPN does not see the noisy image); may be repeated.",
            valueName: "part"))
    var without: [Ablation] = []

    @Option(help: ArgumentHelp("Stop after so many rewrites, to find the one that makes a result wrong.", valueName: "n"))
    var stopAfter: Int?

    @Flag(name: .customLong("verify"), help: "Check each graph after each pass that changes it.")
    var verifies = false

    func validate() throws {
        if let stopAfter, stopAfter < 0 { throw ValidationError("--stop-after takes a count.") }
    }

    var options: OptimizationOptions {
        var options = OptimizationOptions()
        options.level = level
        options.without = Set(without.map(\.rawValue))
        options.pipeline = PipelineOptions(disabledPasses: Set(disabled), stopAfter: stopAfter, verifies: verifies)
        return options
    }
}

extension Ablation: ExpressibleByArgument {}

/// Options of every command that plans how a model runs.
struct ArithmeticFlags: ParsableArguments {
    @Option(
        help:
            "What products are computed in, however the model stores its weights: float32; int16 for 16-bit integers with shared scales (in attention bfloat16 where the processor has it); or bfloat16, faster where the processor has AMX, at five times the error of int16. (default: a preset's, or float32)"
    )
    var precision: Precision?

    @Option(help: "Memory for weights: standard, or lean for no transformed weights that are larger than the plain ones.")
    var memory = MemoryUse.standard

    @Option(help: ArgumentHelp("Use no more than this instruction set: \(InstructionSet.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "set"))
    var isa: InstructionSet?

    func validate() throws {
        if let isa, !isa.isSupported { throw ValidationError("This machine does not have \(isa.rawValue).") }
        if precision?.isFast == false {
            throw ValidationError("--precision bfloat16 needs a processor with instructions for it (AMX, or AVX-512 with BF16). Take int16.")
        }
    }

    /// To be called before there is a chooser, whose times are those of an instruction set.
    ///
    /// - Parameter preset: whose precision counts where none is named.
    func apply(to options: inout RuntimeOptions, _ preset: RestorationPreset? = nil) {
        options.precision = precision ?? preset?.precision ?? .float32
        options.memory = memory
        _ = isa?.force()
    }
}

/// Options of every command that runs a model.
struct RuntimeFlags: ParsableArguments {
    @OptionGroup var optimization: OptimizationFlags

    @Option(help: "Threads to compute with. The result does not depend on it. (default: one a processor)")
    var threads: Int?

    @OptionGroup var arithmetic: ArithmeticFlags

    @Flag(help: "Time kernels that were not timed on this machine yet, and keep the times for later runs.")
    var tune = false

    @Flag(help: "Say on standard error what is done, and how long each thing takes.")
    var verbose = false

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads must be 1 to 1024.") }
    }

    /// - Parameter preset: whose precision counts where none is named.
    func makeOptions(_ preset: RestorationPreset? = nil) -> RuntimeOptions {
        var options = RuntimeOptions(pool: ThreadPool(threadCount: threads))
        arithmetic.apply(to: &options, preset)
        options.packsWeights = optimization.level > .o0
        options.chooser = KernelChooser(tunes: tune)
        return options
    }
}

extension RuntimeFlags {
    /// The model that restores photographs.
    func openModel(
        _ path: String, _ preset: RestorationPreset? = nil, cleaner: Cleaner? = nil, keepsPrograms: Bool = false, packedFolder: String?
    ) throws -> DeblurDiffModel {
        try DeblurDiffModel(
            path: path, options: makeOptions(preset), optimization: optimization.options, cleaner: cleaner, keepsPrograms: keepsPrograms,
            packedFolder: packedFolder)
    }
}

extension OptimizationLevel: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
extension MemoryUse: ExpressibleByArgument {}
extension InstructionSet: ExpressibleByArgument {}
