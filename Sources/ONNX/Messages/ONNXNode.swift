import COnnx
import Files
import Tensors

/// An operator applied to values, as the model has it.
struct ONNXNode: Sendable {
    var name: String
    var opType: String
    /// "" for the standard operators.
    var domain: String
    var overload: String
    var documentation: String
    /// An empty name stands for an operand that is left out.
    var inputs: [String]
    /// An empty name stands for a result that nobody wants.
    var outputs: [String]
    var attributes: [String: ONNXAttribute]

    init(_ node: OpaquePointer, of model: ParsedModel) throws {
        let what = "the name of a node"
        name = try String(dd_onnx_node_name(node), what: what)
        opType = try String(dd_onnx_node_op_type(node), what: what)
        domain = OpsetImports.canonical(try String(dd_onnx_node_domain(node), what: what))
        overload = try String(dd_onnx_node_overload(node), what: what)
        documentation = try String(dd_onnx_node_documentation(node), what: "the documentation of a node")
        let value = "the name of a value"
        inputs = try (0..<dd_onnx_node_input_count(node)).map { try String(dd_onnx_node_input(node, $0), what: value) }
        outputs = try (0..<dd_onnx_node_output_count(node)).map { try String(dd_onnx_node_output(node, $0), what: value) }
        attributes = [:]
        for index in 0..<dd_onnx_node_attribute_count(node) {
            let attribute = try ONNXAttribute(dd_onnx_node_attribute(node, index), of: model)
            guard attributes.updateValue(attribute, forKey: attribute.name) == nil else {
                throw InputError("has two attributes '\(attribute.name)'", at: label)
            }
        }
    }

    /// The node's name, or what it makes where it has none.
    var label: String {
        if !name.isEmpty { return name }
        return outputs.first { !$0.isEmpty }.map { "\(opType) of '\($0)'" } ?? opType
    }

    var functionKey: ONNXFunction.Key { ONNXFunction.Key(domain: domain, name: opType, overload: overload) }

    /// The graphs among the attributes.
    var branches: [ONNXGraph] {
        attributes.values.flatMap { attribute -> [ONNXGraph] in
            switch attribute.value {
            case .graph(let graph): [graph]
            case .graphs(let graphs): graphs
            default: []
            }
        }
    }
}

/// An attribute of a node.
struct ONNXAttribute: Sendable {
    indirect enum Value: Sendable {
        case float(Float)
        case integer(Int)
        case string(String)
        case tensor(ONNXTensor)
        case graph(ONNXGraph)
        case floats([Float])
        case integers([Int])
        case strings([String])
        case tensors([ONNXTensor])
        case graphs([ONNXGraph])
        /// The value of the enclosing function's attribute of that name.
        case reference(String)
        /// A kind that no operator of ours takes, in words.
        case unsupported(String)
    }

    var name: String
    var value: Value

    init(name: String, value: Value) {
        self.name = name
        self.value = value
    }

    init(_ attribute: OpaquePointer, of model: ParsedModel) throws {
        let name = try String(dd_onnx_attribute_name(attribute), what: "the name of an attribute")
        self.name = name
        let reference = try String(dd_onnx_attribute_reference(attribute), what: "a reference of the attribute '\(name)'")
        guard reference.isEmpty else {
            value = .reference(reference)
            return
        }
        let what = "the attribute '\(name)'"
        switch dd_onnx_attribute_kind_of(attribute) {
        case DD_ONNX_ATTRIBUTE_FLOAT: value = .float(dd_onnx_attribute_float(attribute))
        case DD_ONNX_ATTRIBUTE_INT: value = .integer(Int(dd_onnx_attribute_int(attribute)))
        case DD_ONNX_ATTRIBUTE_STRING: value = .string(try String(dd_onnx_attribute_string(attribute), what: what))
        case DD_ONNX_ATTRIBUTE_TENSOR: value = .tensor(try ONNXTensor(dd_onnx_attribute_tensor(attribute), of: model))
        case DD_ONNX_ATTRIBUTE_GRAPH: value = .graph(try ONNXGraph(dd_onnx_attribute_graph(attribute), of: model))
        case DD_ONNX_ATTRIBUTE_FLOATS:
            value = .floats(
                Array(UnsafeBufferPointer(start: dd_onnx_attribute_floats(attribute), count: dd_onnx_attribute_float_count(attribute))))
        case DD_ONNX_ATTRIBUTE_INTS:
            value = .integers(
                UnsafeBufferPointer(start: dd_onnx_attribute_ints(attribute), count: dd_onnx_attribute_int_count(attribute)).map(Int.init))
        case DD_ONNX_ATTRIBUTE_STRINGS:
            value = .strings(
                try (0..<dd_onnx_attribute_string_count(attribute)).map { try String(dd_onnx_attribute_string_at(attribute, $0), what: what) })
        case DD_ONNX_ATTRIBUTE_TENSORS:
            value = .tensors(
                try (0..<dd_onnx_attribute_tensor_count(attribute)).map { try ONNXTensor(dd_onnx_attribute_tensor_at(attribute, $0), of: model) })
        case DD_ONNX_ATTRIBUTE_GRAPHS:
            value = .graphs(
                try (0..<dd_onnx_attribute_graph_count(attribute)).map { try ONNXGraph(dd_onnx_attribute_graph_at(attribute, $0), of: model) })
        case DD_ONNX_ATTRIBUTE_SPARSE_TENSOR, DD_ONNX_ATTRIBUTE_SPARSE_TENSORS: value = .unsupported("a sparse tensor")
        case DD_ONNX_ATTRIBUTE_TYPE_PROTO, DD_ONNX_ATTRIBUTE_TYPE_PROTOS: value = .unsupported("a type")
        default: value = .unsupported("of no kind")
        }
    }
}
