import ArgumentParser
import GraphIR
import GraphViews

struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Show what the passes did to a graph, node by node and in numbers.")

    enum Stage: String, ExpressibleByArgument, CaseIterable { case imported, optimized }

    @OptionGroup var source: ModelArgument

    @Option(help: ArgumentHelp("Which graph; needed where there are several.", valueName: "name"))
    var graph: String?

    @Option(help: "The stage to start from.")
    var from = Stage.imported

    @Option(help: "The stage to compare with.")
    var to = Stage.optimized

    @Option(help: ArgumentHelp("Size of the image in pixels, for DeblurDiff.", valueName: "WxH"))
    var size = ImageSize.standard

    @Option(help: ArgumentHelp("Show no more nodes than this.", valueName: "n"))
    var limit: Int?

    @OptionGroup var report: ReportFlags

    @OptionGroup var optimization: OptimizationFlags

    func run() throws {
        let path = try source.path()
        try report.check(reads: [path])
        let model = try openModel(path, optimization)
        let stages = try model.stages(of: model.chosenGraph(graph), height: size.height, width: size.width)
        func side(_ stage: Stage) -> Graph { stage == .imported ? stages.imported : stages.optimized }
        let diff = GraphDiff(
            from: side(from), to: side(to), stages: (from.rawValue, to.rawValue), passes: stages.passSummaries, rewrites: stages.rewriteRecords)
        try report.write(text: diff.text(entryLimit: limit), json: diff.json())
    }
}
