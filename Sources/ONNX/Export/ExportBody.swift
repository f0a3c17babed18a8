import Files
import GraphIR
import Tensors

/// The nodes of standard operators that do the work of one op, which become a function or are put in place.
///
/// Images are [N, C, H, W] as everywhere in ONNX; layouts are not written.
public struct ExportBody {
    /// One operator applied to values.
    struct Node: Hashable {
        var operation: String
        var inputs: [String]
        var outputs: [String]
        var attributes: [Attribute]

        /// The tensor of a constant.
        var constant: ONNXTensorValue? {
            if operation == "Constant", case .tensor(let tensor)? = attributes.first?.value { tensor } else { nil }
        }
    }

    struct Attribute: Hashable {
        var name: String
        var value: ONNXAttributeValue
    }

    /// The names and types of the op's operands, and the types of its results.
    let operands: [String]
    let types: [TensorType]
    let resultTypes: [TensorType]
    /// Whether the body serves operands of other sizes too, so that sizes are better taken from the operands.
    let isFunction: Bool
    private(set) var nodes: [Node] = []
    private var constants: [Node: String] = [:]
    private var valueCount = 0

    init(types: [TensorType], resultTypes: [TensorType], isFunction: Bool) {
        operands = types.indices.map { "x\($0)" }
        self.types = types
        self.resultTypes = resultTypes
        self.isFunction = isFunction
    }

    /// Applies a standard operator with several results.
    mutating func apply(
        _ operation: String, _ inputs: [String], _ attributes: KeyValuePairs<String, ONNXAttributeValue> = [:], outputs count: Int
    ) -> [String] {
        apply(operation, inputs, attributes.map { ($0.key, $0.value) }, outputs: count)
    }

    mutating func apply(_ operation: String, _ inputs: [String], _ attributes: [(String, ONNXAttributeValue)], outputs count: Int) -> [String] {
        let outputs = (0..<count).map { _ in
            valueCount += 1
            return "t\(valueCount)"
        }
        nodes.append(
            Node(operation: operation, inputs: inputs, outputs: outputs, attributes: attributes.map { Attribute(name: $0.0, value: $0.1) }))
        return outputs
    }

    /// Applies a standard operator. An empty input is one that is left out.
    mutating func apply(_ operation: String, _ inputs: [String], _ attributes: KeyValuePairs<String, ONNXAttributeValue> = [:]) -> String {
        apply(operation, inputs, attributes, outputs: 1)[0]
    }

    /// Throws where a body would hold more constants or nodes than a model can: asked before they are made.
    static func requireWritable(_ count: Int, limit: Int = 1 << 26, _ what: String) throws {
        guard count > limit else { return }
        throw InputError("an ONNX model cannot hold \(count) \(what)")
    }

    /// A constant tensor; equal ones are written once.
    mutating func constant(_ tensor: ONNXTensorValue) -> String {
        let key = Node(operation: "Constant", inputs: [], outputs: [], attributes: [Attribute(name: "value", value: .tensor(tensor))])
        if let known = constants[key] { return known }
        let name = apply("Constant", [], ["value": .tensor(tensor)])
        constants[key] = name
        return name
    }

    /// A list of integers, such as sizes or axes.
    mutating func integers(_ values: [Int]) -> String { constant(.integers(values)) }

    /// A scalar of a float type.
    mutating func scalar(_ value: Double, _ elementType: ElementType) -> String { constant(.floats([value], shape: [], elementType)) }

    /// A scalar of the first operand's type.
    mutating func scalar(_ value: Double) -> String { scalar(value, types[0].elementType) }

    /// The sizes of an operand as a value. In a function they are taken from it, so that it serves all sizes.
    mutating func shape(ofOperand index: Int) -> String {
        isFunction ? apply("Shape", [operands[index]]) : integers(types[index].shape.dimensions)
    }
}
