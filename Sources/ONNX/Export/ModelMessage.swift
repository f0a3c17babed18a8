import COnnx
import Files
import Foundation
import Tensors

/// An ONNX model that is being written; see onnx_writer.h.
final class ModelMessage {
    typealias Node = OpaquePointer
    typealias Function = OpaquePointer

    private let writer: OpaquePointer
    /// Of the graph itself, not of its functions.
    private(set) var nodeCount = 0

    init(irVersion: Int) { writer = dd_onnx_writer_create(Int64(irVersion)) }

    deinit { dd_onnx_writer_free(writer) }

    func setProducer(_ name: String, version: String) {
        withTexts(name, version) { dd_onnx_writer_set_producer(writer, $0[0], $0[1]) }
    }

    func setGraph(_ name: String, documentation: String) {
        withTexts(name, documentation) { dd_onnx_writer_set_graph(writer, $0[0], $0[1]) }
    }

    /// To be called before functions are added.
    func addOpset(_ domain: String, version: Int) { withTexts(domain) { dd_onnx_writer_add_opset(writer, $0[0], Int64(version)) } }

    func addMetadata(_ key: String, _ value: String) { withTexts(key, value) { dd_onnx_writer_add_metadata(writer, $0[0], $0[1]) } }

    func addValue(_ role: dd_onnx_value_role, _ name: String, _ type: TensorType) {
        withTexts(name) { text in
            withType(type) { dd_onnx_writer_add_value(writer, role, text[0], $0, $1, $2) }
        }
    }

    func addFunction(
        domain: String, name: String, documentation: String, inputs: [String], outputs: [String], attributes: [String]
    ) -> Function {
        let function = withTexts(domain, name, documentation) { dd_onnx_writer_add_function(writer, $0[0], $0[1], $0[2])! }
        for input in inputs { withTexts(input) { dd_onnx_function_add_input(function, $0[0]) } }
        for output in outputs { withTexts(output) { dd_onnx_function_add_output(function, $0[0]) } }
        for attribute in attributes { withTexts(attribute) { dd_onnx_function_add_attribute(function, $0[0]) } }
        return function
    }

    /// Appends a node to a function, or to the graph.
    func addNode(
        in function: Function? = nil, domain: String = "", _ operation: String, name: String = "", documentation: String = "",
        inputs: [String], outputs: [String], attributes: [(name: String, value: ONNXAttributeValue)]
    ) {
        let node = withTexts(domain, operation, name, documentation) { dd_onnx_writer_add_node(writer, function, $0[0], $0[1], $0[2], $0[3])! }
        if function == nil { nodeCount += 1 }
        for input in inputs { withTexts(input) { dd_onnx_node_add_input(node, $0[0]) } }
        for output in outputs { withTexts(output) { dd_onnx_node_add_output(node, $0[0]) } }
        for attribute in attributes { add(attribute.value, attribute.name, to: node) }
    }

    private func add(_ value: ONNXAttributeValue, _ name: String, to node: Node) {
        switch value {
        case .integer(let integer): withTexts(name) { dd_onnx_node_add_int(node, $0[0], Int64(integer)) }
        case .float(let float): withTexts(name) { dd_onnx_node_add_float(node, $0[0], float) }
        case .string(let string): withTexts(name, string) { dd_onnx_node_add_string(node, $0[0], $0[1]) }
        case .integers(let integers): withTexts(name) { dd_onnx_node_add_ints(node, $0[0], integers.map(Int64.init), integers.count) }
        case .floats(let floats): withTexts(name) { dd_onnx_node_add_floats(node, $0[0], floats, floats.count) }
        case .strings(let strings):
            withTexts([name] + strings) { dd_onnx_node_add_strings(node, $0[0], Array($0.dropFirst()), strings.count) }
        case .tensor(let tensor):
            withTexts(name) { text in
                withType(tensor.type) { dd_onnx_node_add_tensor(node, text[0], $0, $1, $2, tensor.bytes, tensor.bytes.count) }
            }
        }
    }

    /// Declares an initialiser whose bytes follow its head in the file.
    func addInitializer(_ name: String, _ type: TensorType) {
        withTexts(name) { text in
            withType(type) { dd_onnx_writer_add_initializer(writer, text[0], $0, $1, $2, type.byteCount) }
        }
    }

    /// Declares an initialiser whose bytes lie in another file beside the model.
    func addInitializer(_ name: String, _ type: TensorType, location: String, offset: Int) {
        withTexts(name, location) { texts in
            withType(type) { dd_onnx_writer_add_external_initializer(writer, texts[0], $0, $1, $2, type.byteCount, texts[1], offset) }
        }
    }

    /// The bytes of the file up to the first initialiser, or nil where the file would be larger than ONNX allows.
    func serialized() -> UnsafeRawBufferPointer? {
        var count = 0
        return dd_onnx_writer_serialize(writer, &count).map { UnsafeRawBufferPointer(start: $0, count: count) }
    }

    /// The bytes in front of the data of an initialiser.
    func serializedInitializer(_ index: Int) -> UnsafeRawBufferPointer {
        var count = 0
        let bytes = dd_onnx_writer_serialize_initializer(writer, index, &count)
        return UnsafeRawBufferPointer(start: bytes, count: count)
    }

    /// What ONNX's own checker finds wrong with a file.
    static func complaint(aboutFile path: String) -> String? {
        guard let message = dd_onnx_check_file(FilePath.system(path)) else { return nil }
        defer { free(message) }
        return String(cString: message)
    }

    private func withType<R>(_ type: TensorType, _ body: (Int32, UnsafePointer<Int64>, Int) -> R) -> R {
        type.shape.dimensions.map(Int64.init).withUnsafeBufferPointer {
            // An empty array may have no address.
            var none: Int64 = 0
            guard let base = $0.baseAddress else { return body(type.elementType.onnxDataType, &none, 0) }
            return body(type.elementType.onnxDataType, base, $0.count)
        }
    }
}

private func withTexts<R>(_ strings: String..., body: ([dd_onnx_text]) -> R) -> R { withTexts(strings, body) }

/// The strings one behind the other in memory.
private func withTexts<R>(_ strings: [String], _ body: ([dd_onnx_text]) -> R) -> R {
    // One byte more, so that there is an address.
    let bytes = strings.flatMap(\.utf8).map { CChar(bitPattern: $0) } + [0]
    return bytes.withUnsafeBufferPointer { buffer in
        var offset = 0
        return body(
            strings.map { string in
                defer { offset += string.utf8.count }
                return dd_onnx_text(bytes: buffer.baseAddress! + offset, count: string.utf8.count)
            })
    }
}
