import ArgumentParser
import DeblurDiff
import Files
import GraphRuntime
import GraphViews
import Tensors

struct DumpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Write a graph at any stage: as text, JSON, DOT, or a page to open in a browser.",
        discussion: "DeblurDiff's graphs: " + DeblurDiffModel.stageNames().joined(separator: ", ") + ".")

    enum Stage: String, ExpressibleByArgument, CaseIterable { case imported, optimized, scheduled }

    @OptionGroup var source: ModelArgument

    @Option(help: ArgumentHelp("Which graph; needed where there are several.", valueName: "name"))
    var graph: String?

    @Option(
        help: ArgumentHelp("The graph's gradient with respect to this input, as it goes back from the gradient with respect to the output.", valueName: "input")
    )
    var gradient: String?

    @Option(help: "As imported, as the passes leave it, or with kernels and places in memory.")
    var stage = Stage.optimized

    @Option(help: ArgumentHelp("The graph as it is after this pass.", valueName: "pass"))
    var after: String?

    @Option(help: ArgumentHelp("Size of the image in pixels, for DeblurDiff.", valueName: "WxH"))
    var size = ImageSize.standard

    @Option(help: "text, json, dot or html.")
    var format = GraphFormat.text

    @Option(help: ArgumentHelp("For dot: one box for all nodes of a block at this depth of names.", valueName: "depth"))
    var fold: Int?

    @Option(name: [.short, .long], help: ArgumentHelp("Where to write; standard output without it.", valueName: "file"))
    var output: String?

    @OptionGroup var optimization: OptimizationFlags

    @OptionGroup var arithmetic: ArithmeticFlags

    @OptionGroup var memory: MemoryFlags

    func validate() throws {
        guard after == nil || gradient == nil else { throw ValidationError("--after is for a graph, not for its --gradient.") }
    }

    func run() throws {
        let path = try source.path()
        try OutputFile.check([output].compactMap { $0 }, reads: [path])
        let model = try openModel(path, optimization, arithmetic, memory)
        let graph = try model.chosenGraph(graph)
        if let after {
            let dump = GraphDump(try model.graph(graph, after: after, height: size.height, width: size.width), stage: "after \(after)")
            return try writeOutput(dump.text(as: format, title: "\(graph) after \(after)", foldedAt: fold), to: output)
        }
        let stages = try model.stages(of: graph, gradient: gradient, height: size.height, width: size.width)
        var dump: GraphDump
        switch stage {
        case .imported: dump = GraphDump(stages.imported, stage: "imported")
        case .optimized: dump = GraphDump(stages.optimized, stage: "optimized")
        case .scheduled: dump = GraphDump(try model.plan(stages.optimized))
        }
        if stage != .imported {
            if stages.imported.order.count != stages.optimized.order.count { dump.before = (stages.imported, "imported") }
            dump.passes = stages.passSummaries
            dump.rewrites = stages.rewriteRecords
        }
        try writeOutput(dump.text(as: format, title: "\(graph), \(stage.rawValue)", foldedAt: fold), to: output)
    }
}
