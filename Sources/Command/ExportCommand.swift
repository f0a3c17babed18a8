import ArgumentParser
import DeblurDiff
import Files
import ONNX
import Tensors

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a graph as an ONNX model.",
        discussion: """
            Opset 17. What ONNX has no operator for is a function of the domain 'deblurdiff', one node each, which ONNX Runtime runs and Netron shows as one box; \
            --inline is for programs that know no functions.

            Graphs: \(DeblurDiffModel.stageNames().joined(separator: ", ")).
            """)

    enum Stage: String, ExpressibleByArgument, CaseIterable { case imported, optimized }

    @OptionGroup var source: ModelArgument

    @Option(help: ArgumentHelp("Which graph; needed where there are several.", valueName: "name"))
    var graph: String?

    @Option(
        help: ArgumentHelp("The graph's gradient with respect to this input, as it goes back from the gradient with respect to the output.", valueName: "input")
    )
    var gradient: String?

    @Option(help: "As imported, or as the passes leave it.")
    var stage = Stage.imported

    @Option(help: ArgumentHelp("Size of the image in pixels, for DeblurDiff.", valueName: "WxH"))
    var size = ImageSize.standard

    @Flag(help: "Use ONNX's own operators only.")
    var inline = false

    @Flag(help: "Put the weights into FILE.data, as is done anyway where they are more than 2 GB.")
    var externalData = false

    @Option(name: [.short, .long], help: ArgumentHelp("The ONNX model to write.", valueName: "file.onnx"))
    var output: String

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    @OptionGroup var optimization: OptimizationFlags

    func run() throws {
        let source = try source.path()
        try OutputFile.check([output, output + ".data"], reads: [source])
        let model = try openModel(source, optimization)
        let stages = try model.stages(of: model.chosenGraph(graph), gradient: gradient, height: size.height, width: size.width)
        let graph = stage == .imported ? stages.imported : stages.optimized
        var options = ONNXExportOptions()
        options.inlinesFunctions = inline
        options.usesExternalData = externalData
        options.producerVersion = DeblurDiffCommand.version
        options.metadata = ["deblurdiff.stage": stage.rawValue, "deblurdiff.provenance": encodeJSON(model.file.provenance, pretty: false)]
        if let model = model as? DeblurDiffModel {
            options.metadata["deblurdiff.size"] = "\(model.paddedLength(size.width))x\(model.paddedLength(size.height))"
            options.metadata["deblurdiff.configuration"] = model.configuration.json
        }
        let progress = ProgressReporter(quiet: quiet)
        defer { progress.clear() }
        let report = try ONNXExport.write(graph, parameters: model.storedParameters, to: output, options: options) {
            progress.bytes("Exporting", done: $0, total: $1)
        }
        progress.finish("Wrote \(report.paths.joined(separator: " and ")): \(report.nodeCount) nodes, \(Units.bytes(report.byteCount)).")
    }
}
