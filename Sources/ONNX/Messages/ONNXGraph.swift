import COnnx
import Tensors

/// A graph as the model has it: the main one, or a branch of a node.
struct ONNXGraph: Sendable {
    var name: String
    var nodes: [ONNXNode]
    var initializers: [ONNXTensor]
    var sparseInitializers: [String]
    var inputs: [ONNXValueInfo]
    var outputs: [ONNXValueInfo]

    init(_ graph: OpaquePointer, of model: ParsedModel) throws {
        name = try String(dd_onnx_graph_name(graph), what: "the name of a graph")
        nodes = try (0..<dd_onnx_graph_node_count(graph)).map { try ONNXNode(dd_onnx_graph_node(graph, $0), of: model) }
        initializers = try (0..<dd_onnx_graph_initializer_count(graph)).map {
            try ONNXTensor(dd_onnx_graph_initializer(graph, $0), of: model)
        }
        sparseInitializers = try (0..<dd_onnx_graph_sparse_initializer_count(graph)).map {
            try String(dd_onnx_graph_sparse_initializer_name(graph, $0), what: "the name of a sparse initialiser")
        }
        inputs = try (0..<dd_onnx_graph_input_count(graph)).map { try ONNXValueInfo(dd_onnx_graph_input(graph, $0)) }
        outputs = try (0..<dd_onnx_graph_output_count(graph)).map { try ONNXValueInfo(dd_onnx_graph_output(graph, $0)) }
    }
}

/// A function that the model brings along.
struct ONNXFunction: Sendable {
    struct Key: Hashable, Sendable {
        var domain: String
        var name: String
        var overload: String
    }

    var key: Key
    var inputs: [String]
    var outputs: [String]
    /// Attributes that a node may leave out.
    var defaults: [String: ONNXAttribute]
    var nodes: [ONNXNode]
    var opsets: OpsetImports

    init(at index: Int, of message: OpaquePointer, _ model: ParsedModel) throws {
        let function = dd_onnx_model_function(message, index)!
        let what = "the name of a function"
        key = Key(
            domain: OpsetImports.canonical(try String(dd_onnx_function_domain(function), what: what)),
            name: try String(dd_onnx_function_name(function), what: what),
            overload: try String(dd_onnx_function_overload(function), what: what))
        inputs = try (0..<dd_onnx_function_input_count(function)).map { try String(dd_onnx_function_input(function, $0), what: what) }
        outputs = try (0..<dd_onnx_function_output_count(function)).map { try String(dd_onnx_function_output(function, $0), what: what) }
        defaults = [:]
        for position in 0..<dd_onnx_function_default_count(message, index) {
            let attribute = try ONNXAttribute(dd_onnx_function_default(message, index, position), of: model)
            defaults[attribute.name] = attribute
        }
        nodes = try (0..<dd_onnx_function_node_count(function)).map { try ONNXNode(dd_onnx_function_node(function, $0), of: model) }
        opsets = try OpsetImports(
            (0..<dd_onnx_function_opset_count(function)).map {
                (dd_onnx_function_opset_domain(function, $0), dd_onnx_function_opset_version(function, $0))
            })
    }
}

/// Which version of each domain's operators is meant.
struct OpsetImports: Sendable {
    private(set) var versions: [String: Int] = [:]

    init(_ entries: [(domain: dd_onnx_text, version: Int64)]) throws {
        for (domain, version) in entries {
            let domain = OpsetImports.canonical(try String(domain, what: "the domain of an opset"))
            versions[domain] = max(versions[domain] ?? 0, Int(version))
        }
    }

    /// The domain of the standard operators has two names.
    static func canonical(_ domain: String) -> String { domain == "ai.onnx" ? "" : domain }
}
