import ArgumentParser
import DeblurDiff
import Files
import GraphFile
import GraphRuntime
import GraphViews
import Images
import Tensors

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract:
            "Show what is in a converted model: networks, parameters, sizes, where it came from; or in a photograph: its metadata, and how it was restored.")

    @OptionGroup var source: ModelArgument

    @OptionGroup var reading: ReadingFlags

    @Option(help: ArgumentHelp("Also plan the programs for an image of this size, and show what they take.", valueName: "WxH"))
    var size: ImageSize?

    @OptionGroup var report: ReportFlags

    @OptionGroup var optimization: OptimizationFlags

    @OptionGroup var arithmetic: ArithmeticFlags

    @OptionGroup var memory: MemoryFlags

    func run() throws {
        let path = try source.path()
        try report.check(reads: [path])
        if ImageFormats.isPicture(path) {
            guard size == nil else { throw InputError("is a photograph, which has its own size", at: path, advice: "Leave out --size.") }
            let description = try PhotoDescription(path, limits: reading.limits)
            return try report.write(text: description.text(), json: encodeJSON(description) + "\n")
        }
        let file = try ModelFile(path: path)
        let hasSizes = !file.kind.sizedPrograms.isEmpty
        guard hasSizes || size == nil else {
            throw InputError("the sizes of its graphs are fixed", at: file.path, advice: "--size is for DeblurDiff models; leave it out.")
        }
        var description = try ModelDescription(file)
        // Graphs of another kind have one size each, so that they can be planned at once.
        if size != nil || !hasSizes {
            let start = ContinuousClock.now
            description.programs = try plan(file)
            description.planningSeconds = start.duration(to: .now) / .seconds(1)
        }
        try report.write(text: description.text(), json: encodeJSON(description) + "\n")
    }

    /// The three programs of a restoration, or all graphs of another model, from the sizes alone to their plans.
    private func plan(_ file: ModelFile) throws -> GraphSummary {
        let model = try openModel(file.path, optimization, arithmetic, memory)
        let names = size == nil ? model.graphNames : file.kind.sizedPrograms
        let limits = MachineLimits.measure(model.options.pool)
        return GraphSummary(
            try names.map { name in
                let stages = try model.stages(of: name, height: size?.height ?? 0, width: size?.width ?? 0)
                let plan = try model.plan(stages.optimized)
                return GraphSummary.Subject(
                    before: stages.imported, after: stages.optimized, memory: MemoryPicture(plan), passes: stages.passSummaries,
                    seconds: limits.seconds(Double(plan.floatingPointOperations), model.options.precision))
            })
    }
}
