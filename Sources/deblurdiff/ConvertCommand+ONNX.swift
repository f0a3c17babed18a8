import ArgumentParser
import Diffusion
import ModelFile
import ONNX
import Tensors

/// The sizes of an input on the command line: `x=1x4x64x64`; `x=` for a scalar.
struct InputShape: ExpressibleByArgument {
    var name: String
    var shape: Shape

    init?(argument: String) {
        guard let equals = argument.lastIndex(of: "=") else { return nil }
        name = String(argument[..<equals])
        let sizes = argument[argument.index(after: equals)...]
        let dimensions = sizes.isEmpty ? [] : sizes.lowercased().split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
        guard !name.isEmpty, dimensions.allSatisfy({ $0 >= 0 }) else { return nil }
        shape = Shape(dimensions)
    }
}

extension [InputShape] {
    /// By name; an input that is given twice is a mistake.
    func byName() throws -> [String: Shape] {
        try reduce(into: [:]) { shapes, input in
            guard shapes.updateValue(input.shape, forKey: input.name) == nil else { throw InputError("is given twice", at: "--input \(input.name)") }
        }
    }
}

extension ConvertCommand {
    var isONNX: Bool { source?.lowercased().hasSuffix(".onnx") ?? false }

    func convertONNX(_ path: String) throws {
        let progress = ProgressReporter(quiet: quiet)
        defer { progress.clear() }
        let imported = try ONNXModel.load(path).importGraph(inputs: input.byName())
        let graph = imported.graph
        let source = ImportedCheckpoint(imported)
        for external in source.paths.dropFirst() { try OutputFile.check(output, reads: [external]) }
        try ModelFile.write(
            ModelFileContents(graphs: [graph.name: graph.text], configuration: nil), to: output, parameters: source.names, from: source,
            elementType: (dtype ?? .float32).elementType,
            isVerbatim: { dtype == nil || source.isRead($0, otherThanAs: .float32) },
            converter: "deblurdiff \(DeblurDiffCommand.version)"
        ) { progress.bytes("Converting", done: $0, total: $1) }
        progress.finish(
            "Wrote \(output): graph '\(graph.name)' of \(graph.order.count) ops, \(source.names.count) tensors, \(formatBytes(try fileSize(output))).")
    }
}
