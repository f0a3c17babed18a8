import COnnx
import Files
import GraphIR
import Tensors

/// Turns a graph into a message, all but its parameters.
struct GraphEncoder {
    let graph: Graph
    let options: ONNXExportOptions
    let message = ModelMessage(irVersion: ONNXExport.irVersion)
    private(set) var names: ExportNames
    private var functions = FunctionTable()
    /// Constants of inlined bodies, by value.
    private var constants: [ONNXTensorValue: String] = [:]

    init(_ graph: Graph, _ options: ONNXExportOptions) {
        self.graph = graph
        self.options = options
        names = ExportNames(graph)
    }

    mutating func encode() throws {
        message.setProducer("deblurdiff", version: options.producerVersion)
        message.setGraph(graph.name, documentation: "")
        message.addOpset("", version: ONNXExport.opsetVersion)
        if !options.inlinesFunctions { message.addOpset(ONNXExport.domain, version: 1) }
        message.addMetadata("deblurdiff.graph", graph.name)
        for (key, value) in options.metadata.sorted(by: { $0.key < $1.key }) { message.addMetadata(key, value) }
        for id in graph.inputs { message.addValue(DD_ONNX_VALUE_INPUT, names[id], graph.type(id)) }
        for id in graph.order {
            do { try encode(id) } catch let error as InputError { throw error.at("%\(graph.name(of: id))") }
        }
        for (output, name) in zip(graph.outputs, names.outputs) {
            if names[output.value] != name { message.addNode("Identity", inputs: [names[output.value]], outputs: [name], attributes: []) }
            message.addValue(DD_ONNX_VALUE_OUTPUT, name, graph.type(output.value))
        }
    }

    private mutating func encode(_ id: NodeID) throws {
        let node = graph[id]
        guard let op = node.op as? any ExportableOp else { throw InputError("there is no way to write \(node.op.name) as ONNX") }
        let isFunction = !op.isStandard && !options.inlinesFunctions
        var body = ExportBody(types: graph.operandTypes(node), resultTypes: graph.resultTypes(node), isFunction: isFunction)
        let outputs = try op.export(&body)
        precondition(outputs.count == node.results.count, "\(op.name) is written with other results than it has")
        if isFunction {
            let attributes = op.attributes.entries.map { (name: $0.key, value: ONNXAttributeValue($0.value)) }
            let function = functions.name(of: op, body, outputs, attributes.map(\.name), in: message)
            message.addNode(
                domain: ONNXExport.domain, function, name: graph.name(of: id), documentation: origins(node),
                inputs: node.operands.map { names[$0] }, outputs: node.results.map { names[$0] }, attributes: attributes)
        } else {
            inline(body, outputs, of: id)
        }
        for result in node.results where names.isOwn(result) {
            message.addValue(DD_ONNX_VALUE_INTERMEDIATE, names[result], graph.type(result))
        }
    }

    private func origins(_ node: Node) -> String {
        node.origins.isEmpty ? "" : "from " + node.origins.map { "%" + Graph.quotedIfNeeded($0) }.joined(separator: ", ")
    }

    /// Puts the nodes of a body in place.
    private mutating func inline(_ body: ExportBody, _ outputs: [String], of id: NodeID) {
        let node = graph[id]
        let name = graph.name(of: id)
        var known = Dictionary(uniqueKeysWithValues: zip(body.operands, node.operands.map { names[$0] }))
        known[""] = ""
        for (output, result) in zip(outputs, node.results) where known[output] == nil { known[output] = names[result] }
        for part in body.nodes {
            if let constant = part.constant {
                if let value = constants[constant] {
                    known[part.outputs[0]] = value
                    continue
                }
                let value = names.unique("constant")
                constants[constant] = value
                known[part.outputs[0]] = value
            }
            for output in part.outputs where known[output] == nil { known[output] = names.unique("\(name)/\(part.operation)") }
            // One node stands for the op: names of nodes are unique.
            let isFirstResult = part.outputs.contains(outputs[0])
            message.addNode(
                part.operation, name: isFirstResult ? name : "", documentation: isFirstResult ? origins(node) : "",
                inputs: part.inputs.map { known[$0]! }, outputs: part.outputs.map { known[$0]! },
                attributes: part.attributes.map { ($0.name, $0.value) })
        }
        // What is an operand as it is has no node of its own, unless the graph shows it under its name.
        for (output, result) in zip(outputs, node.results) where known[output] != names[result] { names.alias(result, to: known[output]!) }
    }
}
