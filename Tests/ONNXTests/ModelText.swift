import Files
import Foundation
import GraphIR
import GraphRuntime
import GraphTestSupport
import ONNX
import Tensors

/// Parts of ONNX models, by the numbers of their fields in onnx.proto.
enum Part {
    enum Value {
        case int(Int)
        case float(Float)
        case text(String)
        case ints([Int])
        case floats([Float])
        case tensor(WireMessage)
        case graph(WireMessage)
        case reference(String)
    }

    static func attribute(_ name: String, _ value: Value) -> WireMessage {
        var message = WireMessage()
        message.text(1, name)
        switch value {
        case .float(let value):
            message.float(2, value)
            message.integer(20, 1)
        case .int(let value):
            message.integer(3, value)
            message.integer(20, 2)
        case .text(let value):
            message.text(4, value)
            message.integer(20, 3)
        case .tensor(let value):
            message.message(5, value)
            message.integer(20, 4)
        case .graph(let value):
            message.message(6, value)
            message.integer(20, 5)
        case .floats(let values):
            for value in values { message.float(7, value) }
            message.integer(20, 6)
        case .ints(let values):
            for value in values { message.integer(8, value) }
            message.integer(20, 7)
        case .reference(let name): message.text(21, name)
        }
        return message
    }

    static func node(
        _ opType: String, _ inputs: [String], _ outputs: [String], name: String = "", domain: String = "",
        _ attributes: KeyValuePairs<String, Value> = [:]
    ) -> WireMessage {
        var message = WireMessage()
        for input in inputs { message.text(1, input) }
        for output in outputs { message.text(2, output) }
        message.text(3, name)
        message.text(4, opType)
        if !domain.isEmpty { message.text(7, domain) }
        for (key, value) in attributes { message.message(5, attribute(key, value)) }
        return message
    }

    private static func header(_ name: String, _ type: Int, _ dimensions: [Int]) -> WireMessage {
        var message = WireMessage()
        for dimension in dimensions { message.integer(1, dimension) }
        message.integer(2, type)
        message.text(8, name)
        return message
    }

    static func tensor(_ name: String, _ dimensions: [Int], raw: [UInt8], type: Int = 1) -> WireMessage {
        var message = header(name, type, dimensions)
        message.data(9, raw)
        return message
    }

    static func tensor(_ name: String, _ dimensions: [Int], _ values: [Float]) -> WireMessage {
        tensor(name, dimensions, raw: values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) })
    }

    static func tensor(_ name: String, _ dimensions: [Int], integers: [Int]) -> WireMessage {
        var message = header(name, 7, dimensions)
        for value in integers { message.integer(7, value) }
        return message
    }

    static func external(_ name: String, _ dimensions: [Int], _ entries: KeyValuePairs<String, String>) -> WireMessage {
        var message = header(name, 1, dimensions)
        for (key, value) in entries {
            var entry = WireMessage()
            entry.text(1, key)
            entry.text(2, value)
            message.message(13, entry)
        }
        message.integer(14, 1)
        return message
    }

    /// - Parameter dimensions: numbers, or names of sizes that are open; nil for an unknown rank.
    static func value(_ name: String, _ dimensions: [Any]?, type: Int = 1) -> WireMessage {
        var tensor = WireMessage()
        tensor.integer(1, type)
        if let dimensions {
            var shape = WireMessage()
            for dimension in dimensions {
                var entry = WireMessage()
                if let size = dimension as? Int { entry.integer(1, size) } else { entry.text(2, dimension as! String) }
                shape.message(1, entry)
            }
            tensor.message(2, shape)
        }
        var kind = WireMessage()
        kind.message(1, tensor)
        var message = WireMessage()
        message.text(1, name)
        message.message(2, kind)
        return message
    }

    static func graph(
        _ nodes: [WireMessage], inputs: [WireMessage] = [], outputs: [WireMessage], initializers: [WireMessage] = []
    ) -> WireMessage {
        var message = WireMessage()
        message.messages(1, nodes)
        message.text(2, "g")
        message.messages(5, initializers)
        message.messages(11, inputs)
        message.messages(12, outputs)
        return message
    }

    static func function(
        _ name: String, domain: String = "own", inputs: [String], outputs: [String], attributes: [String] = [], _ nodes: [WireMessage]
    ) -> WireMessage {
        var message = WireMessage()
        message.text(1, name)
        for input in inputs { message.text(4, input) }
        for output in outputs { message.text(5, output) }
        for attribute in attributes { message.text(6, attribute) }
        message.messages(7, nodes)
        message.message(9, opset("", 17))
        message.message(9, opset("own", 1))
        message.text(10, domain)
        return message
    }

    private static func opset(_ domain: String, _ version: Int) -> WireMessage {
        var message = WireMessage()
        message.text(1, domain)
        message.integer(2, version)
        return message
    }

    static func model(_ graph: WireMessage, opset version: Int = 17, functions: [WireMessage] = []) -> WireMessage {
        var message = WireMessage()
        message.integer(1, 8)
        message.message(7, graph)
        message.message(8, opset("", version))
        message.message(8, opset("own", 1))
        message.messages(25, functions)
        return message
    }
}

/// Writes a model to a file of its own and imports it.
func importing(
    _ model: WireMessage, inputs: [String: Shape] = [:], bindings: [String: Tensor] = [:], in folder: String? = nil
) throws -> ImportedModel {
    func run(_ folder: String) throws -> ImportedModel {
        let path = "\(folder)/model.onnx"
        try Data(model.bytes).write(to: URL(fileURLWithPath: path))
        return try ONNXModel.load(path).importGraph(inputs: inputs, bindings: bindings)
    }
    return try folder.map(run) ?? withScratchFolder(run)
}

/// What an import complains about, without the path of the file.
func complaint(_ model: WireMessage, inputs: [String: Shape] = [:], in folder: String? = nil) -> String? {
    do {
        _ = try importing(model, inputs: inputs, in: folder)
        return nil
    } catch let error as InputError {
        return error.description.replacing(#/\S*model\.onnx: /#, with: "")
    } catch { return "\(error)" }
}

extension ImportedModel {
    /// Runs the graph as it was imported.
    func run(_ inputs: [String: Tensor]) throws -> [String: Tensor] {
        let options = RuntimeOptions(pool: ThreadPool(threadCount: 1))
        let program = try Program(graph, parameters: ParameterStore(source: parameters, pool: options.pool), options: options)
        return try program.run(inputs, in: Workspace())
    }

    /// The names of the ops in order.
    var ops: [String] { graph.order.map { graph[$0].op.name } }
}
