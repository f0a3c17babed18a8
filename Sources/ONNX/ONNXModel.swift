import COnnx
import Files
import GraphIR
import Tensors

/// An ONNX model, opened: its interface can be asked for, and graphs be made of it for inputs of given sizes.
public struct ONNXModel: Sendable {
    public let path: String
    /// "pytorch 2.4.0", or empty.
    public let producer: String
    let graph: ONNXGraph
    let functions: [ONNXFunction.Key: ONNXFunction]
    let opsets: OpsetImports
    let metadata: [String: String]
    let external: ExternalData

    /// The entry of the metadata in which our own exporter keeps the graph's name.
    static let graphNameKey = "deblurdiff.graph"

    /// Whether our own exporter wrote the model, so that it comes back as it was.
    var isNative: Bool { metadata[ONNXModel.graphNameKey] != nil }

    /// An input or output as the model declares it.
    public struct Port: Sendable {
        public var name: String
        public var elementType: ElementType
        /// Sizes, nil where only a symbol or nothing is known of one; nil altogether where their count is not known.
        public var dimensions: [Int?]?
        /// As above in words: "1 x 4 x height x width".
        public var shapeDescription: String
    }

    /// Reads and parses a model. Weights in external data are only looked at when they are used.
    ///
    /// - Throws: an `InputError` with the path for what is no model, or a broken one.
    public static func load(_ path: String) throws -> ONNXModel {
        do {
            let parsed = try MappedFile(path: path).withBytes(ParsedModel.init(parsing:))
            return try parsed.withMessage { try ONNXModel(path: path, $0, of: parsed) }
        } catch let error as InputError {
            throw error.location?.hasPrefix(path) == true ? error : error.at(path)
        }
    }

    private init(path: String, _ model: OpaquePointer, of parsed: ParsedModel) throws {
        self.path = path
        guard dd_onnx_model_has_graph(model) else { throw InputError("is no ONNX model: it holds no graph") }
        let name = try String(dd_onnx_model_producer_name(model), what: "the producer's name")
        let version = try String(dd_onnx_model_producer_version(model), what: "the producer's version")
        producer = version.isEmpty ? name : "\(name) \(version)"
        opsets = try OpsetImports(
            (0..<dd_onnx_model_opset_count(model)).map {
                (dd_onnx_model_opset_domain(model, $0), dd_onnx_model_opset_version(model, $0))
            })
        metadata = Dictionary(
            try (0..<dd_onnx_model_metadata_count(model)).map {
                (
                    try String(dd_onnx_model_metadata_key(model, $0), what: "a key of the metadata"),
                    try String(dd_onnx_model_metadata_value(model, $0), what: "a value of the metadata")
                )
            }, uniquingKeysWith: { $1 })
        graph = try ONNXGraph(dd_onnx_model_graph(model), of: parsed)
        var functions: [ONNXFunction.Key: ONNXFunction] = [:]
        for index in 0..<dd_onnx_model_function_count(model) {
            let function = try ONNXFunction(at: index, of: model, parsed)
            guard functions.updateValue(function, forKey: function.key) == nil else {
                throw InputError("has two functions '\(function.key.name)'")
            }
        }
        self.functions = functions
        external = ExternalData(folder: FilePath.folder(of: path))
    }

    /// The inputs that a caller must give; those with a default value are left out.
    public func inputs() throws -> [Port] {
        let defaults = Set(graph.initializers.map(\.name))
        return try graph.inputs.filter { !defaults.contains($0.name) }.map(port)
    }

    public func outputs() throws -> [Port] { try graph.outputs.map(port) }

    private func port(_ info: ONNXValueInfo) throws -> Port {
        guard case .tensor(let elementType, let dimensions) = info.declaration else {
            throw InputError("'\(info.name)' is no tensor", at: path)
        }
        do {
            return Port(
                name: info.name, elementType: try ElementType(onnx: elementType),
                dimensions: dimensions?.map { if case .size(let size) = $0 { size } else { nil } },
                shapeDescription: dimensions?.map(\.description).joined(separator: " x ") ?? "of unknown rank")
        } catch let error as InputError { throw error.at("\(path): '\(info.name)'") }
    }

    /// Makes a graph of the model.
    ///
    /// - Parameters:
    ///   - inputs: shapes by input name, where the model leaves sizes open.
    ///   - bindings: the numbers of inputs, where they are known. They stay inputs of the graph; only where an op's result depends in shape
    ///     on an input's numbers (a Reshape's target, say) are those numbers put into the graph. An input that is bound needs no shape.
    /// - Throws: an `InputError` that names the model, the node, its operator and opset.
    public func importGraph(inputs: [String: Shape] = [:], bindings: [String: Tensor] = [:]) throws -> ImportedModel {
        do {
            return try GraphImporter(self, inputs: inputs, bindings: bindings).run()
        } catch let error as InputError {
            throw error.location?.hasPrefix(path) == true ? error : error.at(path)
        }
    }
}
