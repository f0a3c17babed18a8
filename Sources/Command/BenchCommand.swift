import ArgumentParser
import DeblurDiff
import Files
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

    @OptionGroup var report: ReportFlags

    @OptionGroup var runtime: RuntimeFlags

    func validate() throws {
        guard try !kernels || source.named == nil else { throw ValidationError("--kernels takes no model.") }
        guard (1...1000).contains(runs) else { throw ValidationError("--runs must be 1 to 1000.") }
        for name in program where !DeblurDiffModel.stageNames().contains(name) { throw ValidationError("There is no program '\(name)'.") }
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
        try report.check(reads: [path])
        let options = runtime.makeOptions()
        let model = try DeblurDiffModel(path: path, options: options, optimization: runtime.optimization.options)
        let limits = MachineLimits.measure(options.pool)
        let limit = limits.limit(runtime.arithmetic.precision ?? .float32)
        var table = Table(report)
        try table.add(
            String(
                format: "%@, %d threads: float32 %.0f GFLOP/s, int16 %.0f GFLOP/s, bfloat16 %.0f GFLOP/s", limits.instructionSet, limits.threads,
                limits.float32,
                limits.int16, limits.bfloat16))
        var figures = Figures(
            size: "\(size.width)x\(size.height)", precision: (runtime.arithmetic.precision ?? .float32).rawValue, limits: limits, results: [], residentBytes: 0)
        let recorder = ProfileRecorder(eventLimit: 0)
        try table.add("program          GFLOP   median s      min s   GFLOP/s   of limit     arena")
        try ModelBenchmark.run(
            model, programs: program.isEmpty ? ModelBenchmark.programs : program, height: size.height, width: size.width, runs: runs,
            observation: { [kinds] program, name in kinds ? recorder.observer(of: program, named: name) : nil },
            finished: { result in
                figures.results.append(result)
                try table.add(
                    result.program.padding(toLength: 13, withPad: " ", startingAt: 0)
                        + String(
                            format: "%9.1f %10.3f %10.3f %9.1f %9.1f%% %9@", result.gigaFLOP, result.median, result.seconds.min()!,
                            result.gigaFLOPPerSecond, 100 * result.gigaFLOPPerSecond / limit, Units.bytes(result.arenaBytes) as NSString))
            })
        figures.residentBytes = peakResidentBytes()
        try table.add("peak resident memory \(Units.bytes(figures.residentBytes))")
        if kinds { try table.add(recorder.report().text(nodeLimit: 20), terminator: "") }
        try table.finish(figures)
    }

    private func benchmarkKernels() throws {
        try report.check(reads: [])
        let pool = runtime.makeOptions().pool
        // Portable code takes minutes for what the others do in seconds.
        let sets = runtime.arithmetic.isa.map { [$0] } ?? InstructionSet.allCases.filter { $0 != .scalar && $0.isSupported }
        var results: [KernelBenchmark.Result] = []
        var table = Table(report)
        try table.add("kernel                                shape                     median ms   GFLOP/s   of limit")
        try KernelBenchmark(pool: pool, runs: runs).run(sets.isEmpty ? [.scalar] : sets) { result in
            results.append(result)
            try table.add(
                result.kernel.padding(toLength: 38, withPad: " ", startingAt: 0) + result.shape.padding(toLength: 26, withPad: " ", startingAt: 0)
                    + String(
                        format: "%9.2f %9.1f %9.1f%%", 1e3 * result.median, result.gigaFLOPPerSecond,
                        100 * result.gigaFLOPPerSecond / result.limit))
        }
        try table.finish(results)
    }

    /// The lines of a report, printed as they are measured unless standard output is for JSON.
    private struct Table {
        private let report: ReportFlags
        private var text = ""

        init(_ report: ReportFlags) { self.report = report }

        mutating func add(_ line: String, terminator: String = "\n") throws {
            text += line + terminator
            if !report.json || report.output != nil { try print(line, terminator: terminator) }
        }

        /// Writes what is still to be written.
        func finish(_ figures: some Encodable) throws {
            if report.json || report.output != nil { try report.write(text: text, json: encodeJSON(figures)) }
        }
    }
}

/// The most memory that this process has had resident.
func peakResidentBytes() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
}
