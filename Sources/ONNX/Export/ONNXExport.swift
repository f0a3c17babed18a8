import GraphIR
import GraphRuntime
import Operators
import Tensors

/// How a graph is written as an ONNX model.
public struct ONNXExportOptions: Sendable {
    /// Whether to use standard operators only, for programs that do not know functions.
    public var inlinesFunctions = false
    /// Whether parameters go into a file of their own in any case. They do where the model would have more than 2 GB.
    public var usesExternalData = false
    /// Written as the model's producer.
    public var producerVersion = ""
    /// Further entries of the model's metadata.
    public var metadata: [String: String] = [:]

    public init() {}
}

/// A graph as an ONNX model: opset 17, IR version 8.
///
/// Ops without a counterpart among ONNX's operators are functions of the domain `deblurdiff`, one node each, which carry the op's
/// attributes and whose bodies are standard operators. Values keep their names as far as ONNX's single name space allows, nodes have
/// the names that they have in the text form, parameters are called by their keys.
public struct ONNXExport {
    static let irVersion = 8
    static let opsetVersion = 17
    /// The domain of the functions.
    public static let domain = "deblurdiff"

    let message: ModelMessage
    /// The parameters in the order of the initialisers.
    let parameters: [(key: String, name: String, type: TensorType)]

    /// Throws for graphs with ops that cannot be written.
    init(_ graph: Graph, _ options: ONNXExportOptions) throws {
        try graph.requireMemory()
        let graph = try graph.withRowMajorFace()
        var encoder = GraphEncoder(graph, options)
        try encoder.encode()
        message = encoder.message
        parameters = graph.parameters.map { (graph[$0].name, encoder.names[$0], graph.type($0)) }
    }
}

extension Graph {
    /// The same graph with inputs and outputs in row-major layout, the only one that ONNX has: others are converted inside.
    func withRowMajorFace() throws -> Graph {
        guard (inputs + outputs.map(\.value)).contains(where: { type($0).layout != .rowMajor }) else { return self }
        var builder = GraphBuilder(name: name)
        var values: [String: ValueID] = [:]
        for id in inputs { values[self[id].name] = builder.input(self[id].name, TensorType(type(id).elementType, type(id).shape)) }
        for id in inputs where type(id).layout != .rowMajor {
            let (name, layout) = (self[id].name, type(id).layout)
            values[name] = try builder.apply(ConvertLayout(layout: layout), values[name]!, name: "\(name).\(layout.rawValue)")
        }
        let results = try builder.inline(self, inputs: values)
        for output in outputs {
            let value = results[output.name]!
            let isRowMajor = builder.type(value).layout == .rowMajor
            builder.output(output.name, isRowMajor ? value : try builder.apply(ConvertLayout(layout: .rowMajor), value, name: "\(output.name).row_major"))
        }
        return builder.graph
    }
}
