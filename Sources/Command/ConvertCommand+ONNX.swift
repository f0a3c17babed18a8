import Files
import GraphFile
import GraphRuntime
import ONNX
import TensorFiles
import Tensors

extension ConvertCommand {
    var isONNX: Bool { source?.lowercased().hasSuffix(".onnx") ?? false }

    /// Throws for values and weights that no kernel takes: the file could be written, but nothing could run it.
    private func requireKernels(_ model: ImportedModel) throws {
        var options = RuntimeOptions(pool: ThreadPool(threadCount: 1))
        options.packsWeights = false
        _ = try ProgramPlan(model.graph, parameters: ParameterStore(source: model.parameters, pool: options.pool), options: options)
    }

    func convertONNX(_ path: String) throws {
        let progress = ProgressReporter(quiet: quiet)
        defer { progress.clear() }
        let given = try GivenTensors(input)
        guard given.tensors.isEmpty else { throw InputError("takes sizes, not tensors", at: "--input", advice: "Give NAME=1x4x64x64.") }
        let imported = try ONNXModel.load(path).importGraph(inputs: given.shapes)
        let graph = imported.graph
        try requireKernels(imported)
        let source = ImportedCheckpoint(imported)
        try OutputFile.check([output], reads: source.paths)
        try ModelFile.write(
            ModelFileContents(graphs: [graph.name: graph.text]), to: output, parameters: source.names, from: source,
            elementType: (dtype ?? .float32).elementType,
            isVerbatim: { dtype == nil || source.isRead($0, otherThanAs: .float32) },
            converter: "deblurdiff \(DeblurDiffCommand.version)",
            progress: { progress.bytes("Converting", done: $0, total: $1) })
        progress.finish(
            "Wrote \(output): graph '\(graph.name)' of \(graph.order.count) ops, \(source.names.count) tensors, \(Units.bytes(fileSize(output))).")
    }
}
