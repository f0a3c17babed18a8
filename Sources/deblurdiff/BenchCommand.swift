import ArgumentParser
import Diffusion
import Foundation
import GraphRuntime
import GraphViews
import Tensors

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure this machine's limits, then encoder, denoising step and decoder against them.",
        discussion: "Work is that of the imported graphs, so that a share above 100 % means less work done, not a faster machine.")

    @OptionGroup var source: ModelArgument

    @Flag(help: "Measure the kernels alone, on shapes of the released networks, for each instruction set (or that of --isa).")
    var kernels = false

    @Option(help: ArgumentHelp("Size of the image in pixels.", valueName: "WxH"))
    var size = ImageSize.standard

    @Option(help: "Runs of each program that are counted, behind one that is not.")
    var runs = 3

    @Option(help: ArgumentHelp("vae_encoder, step or vae_decoder; may be repeated.", valueName: "program"))
    var program: [String] = []

    @Flag(help: "Show the time of each kind of op.")
    var kinds = false

    @Option(help: ArgumentHelp("Write the figures as JSON.", valueName: "file"))
    var json: String?

    @OptionGroup var runtime: RuntimeFlags

    func validate() throws {
        guard !kernels || source.model == nil else { throw ValidationError("--kernels takes no model.") }
        guard (1...1000).contains(runs) else { throw ValidationError("--runs must be 1 to 1000.") }
        for name in program where !DeblurDiffModel.stageNames.contains(name) { throw ValidationError("There is no program '\(name)'.") }
    }

    private struct Figures: Codable {
        var size: String
        var precision: String
        var limits: MachineLimits
        var results: [ModelBenchmark.Result]
        var residentBytes: Int
    }

    func run() throws {
        guard !kernels else { return try benchmarkKernels() }
        let path = try source.path()
        let options = runtime.makeOptions()
        let model = try DeblurDiffModel(path: path, options: options, optimization: runtime.optimization.options)
        let limits = MachineLimits.measure(options.pool)
        let limit = limits.limit(runtime.precision)
        print(
            String(
                format: "%@, %d threads: float32 %.0f GFLOP/s, bfloat16 %.0f GFLOP/s", limits.instructionSet, limits.threads, limits.float32,
                limits.bfloat16))
        var figures = Figures(size: "\(size.width)x\(size.height)", precision: runtime.precision.rawValue, limits: limits, results: [], residentBytes: 0)
        let recorder = ProfileRecorder(eventLimit: 0)
        if kinds { model.observation = { program, name in recorder.observer(of: program, named: name) } }
        print("program          GFLOP   median s      min s   GFLOP/s   of limit     arena")
        try ModelBenchmark.run(
            model, programs: program.isEmpty ? ModelBenchmark.programs : program, height: size.height, width: size.width, runs: runs,
            progress: { _ in },
            finished: { result in
                figures.results.append(result)
                print(
                    result.program.padding(toLength: 13, withPad: " ", startingAt: 0)
                        + String(
                            format: "%9.1f %10.3f %10.3f %9.1f %9.1f%% %9@", result.gigaFLOP, result.median, result.seconds.min()!,
                            result.gigaFLOPPerSecond, 100 * result.gigaFLOPPerSecond / limit, Units.bytes(result.arenaBytes) as NSString))
            })
        figures.residentBytes = peakResidentBytes()
        print("peak resident memory \(Units.bytes(figures.residentBytes))")
        if kinds { print(recorder.report().text(nodeLimit: 20), terminator: "") }
        if let json {
            try write(figures, to: json)
        }
    }

    private func benchmarkKernels() throws {
        let pool = runtime.makeOptions().pool
        // Portable code takes minutes for what the others do in seconds.
        let sets = runtime.isa.map { [$0] } ?? InstructionSet.allCases.filter { $0 != .scalar && $0.isSupported }
        var results: [KernelBenchmark.Result] = []
        print("kernel                                shape                     median ms   GFLOP/s   of limit")
        KernelBenchmark(pool: pool, runs: runs).run(sets.isEmpty ? [.scalar] : sets) { result in
            results.append(result)
            print(
                result.kernel.padding(toLength: 38, withPad: " ", startingAt: 0) + result.shape.padding(toLength: 26, withPad: " ", startingAt: 0)
                    + String(
                        format: "%9.2f %9.1f %9.1f%%", 1e3 * result.median, result.gigaFLOPPerSecond,
                        100 * result.gigaFLOPPerSecond / result.limit))
        }
        if let json { try write(results, to: json) }
    }

    private func write(_ value: some Encodable, to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try writeOutput(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n", to: path)
    }
}

/// The most memory that this process has had resident.
func peakResidentBytes() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
}
