import ArgumentParser
import DeblurDiff
import Files
import GraphFile
import ONNX
import TensorFiles
import Tensors

/// A network in front of the model.
struct CleanerOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A network that photographs go through first, as DiffBIR's first stage: an ONNX model, or one that 'convert' made of it. See 'deblurdiff help cleaner'.",
            valueName: "file"))
    var cleaner: String?

    func load() throws -> Cleaner? { try cleaner.map(Cleaner.load) }
}

extension Cleaner {
    /// An ONNX model, whose sizes may be open, or a converted one.
    static func load(_ path: String) throws -> Cleaner {
        guard try MappedFile(path: path).withBytes(SafetensorsFile.looksLike) else { return try load(onnx: path) }
        let model = try ModelFile(path: path)
        guard model.family == nil, model.graphNames.count == 1 else {
            throw InputError("is no cleaner: that is a file with one graph", at: path, advice: "'deblurdiff convert' makes it of an ONNX model.")
        }
        let graph = try model.graph(model.graphNames[0])
        let shape = graph.inputs.first.map { graph.type($0).shape } ?? []
        guard shape.rank == 4 else { throw InputError("is no cleaner: its input must be an image, float32 [1, 3, height, width]", at: path) }
        let network = Network(graph: graph, parameters: ModelFileParameters(file: model))
        return try Cleaner(name: FilePath.name(of: path), digest: model.digest, size: (shape[2], shape[3])) { _, _ in network }
    }

    private static func load(onnx path: String) throws -> Cleaner {
        let model = try ONNXModel.load(path)
        let inputs = try model.inputs()
        guard inputs.count == 1, let dimensions = inputs[0].dimensions, dimensions.count == 4 else {
            throw InputError("is no cleaner: it must have one input, an image, float32 [1, 3, height, width]", at: path)
        }
        let (name, size) = (inputs[0].name, (dimensions[2], dimensions[3]))
        guard (size.0 == nil) == (size.1 == nil) else {
            throw InputError(
                "takes images of \(inputs[0].shapeDescription), of which one side is fixed", at: path, advice: "Fix both with 'deblurdiff convert --input'.")
        }
        let only = size.0.flatMap { height in size.1.map { (height: height, width: $0) } }
        return try Cleaner(name: FilePath.name(of: path), digest: MappedFile(path: path).sha256(), size: only) { height, width in
            let imported = try model.importGraph(inputs: [name: [1, 3, height, width]])
            return Network(graph: imported.graph, parameters: imported.parameters)
        }
    }
}
