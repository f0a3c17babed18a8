import Files
import GraphIR
import GraphRuntime
import Operators
import Tensors

/// Builds a graph from a model's nodes, one after the other.
final class GraphImporter {
    /// Functions and branches may be as deep in each other, and unfold to as many nodes.
    static let depthLimit = 64
    static let nodeLimit = 1 << 20

    let model: ONNXModel
    let constants: ConstantTable
    var builder: GraphBuilder
    private let shapes: [String: Shape]
    private let bindings: [String: Tensor]
    /// The constants that values would be if the bound inputs were.
    private var twins: [ValueID: ConstantID] = [:]
    private var boundInputs: [(name: String, constant: ConstantID)] = []
    private var fixedInputs: Set<String> = []
    private var nodeCount = 0
    /// Values of the graph from here on are still to be made.
    private var nextValueIndex = 0
    private var callStack: [ONNXFunction.Key] = []
    private var depth = 0
    /// What new nodes name as their origins.
    private var origins: [String] = []

    /// What a constant has become in the graph.
    struct Materialization: Hashable {
        var constant: ConstantID
        var role: ConstantRole
    }
    var materialized: [Materialization: ValueID] = [:]
    var parameterKeys: [String: ConstantID] = [:]
    var constantNames: [ConstantID: String] = [:]

    init(_ model: ONNXModel, inputs: [String: Shape], bindings: [String: Tensor]) {
        self.model = model
        constants = ConstantTable(external: model.external)
        let name = model.metadata[ONNXModel.graphNameKey] ?? model.graph.name
        builder = GraphBuilder(name: name.isEmpty ? "main" : name)
        shapes = inputs
        self.bindings = bindings
    }

    func run() throws -> ImportedModel {
        try UnsupportedOperators.refuse(in: model)
        let scope = ImportScope(opsets: model.opsets, prefix: "")
        try declare(model.graph, in: scope)
        try addInputs(in: scope)
        try importNodes(model.graph.nodes, wanted: model.graph.outputs.map(\.name), in: scope)
        try addOutputs(from: scope)
        var editor = GraphEditor(builder.graph)
        editor.eraseUnused(editor.graph.order.reversed())
        editor.eraseUnusedParameters()
        // What our own exporter wrote says which of its tensors are parameters.
        let structured = StructuredConstants(graph: editor.graph) { [constants, parameterKeys] in try constants.tensor(parameterKeys[$0]!) }
        let graph = model.isNative ? editor.graph : try structured.resolved()
        let keys = Set(graph.parameters.map { graph[$0].name })
        return ImportedModel(
            graph: graph,
            parameters: ImportedParameters(
                constants: constants, identifiers: parameterKeys.filter { keys.contains($0.key) }, paths: [model.path] + model.external.paths),
            fixedInputs: fixedInputs)
    }
}

// MARK: - The graph's signature

extension GraphImporter {
    private func addInputs(in scope: ImportScope) throws {
        var missing: [String] = []
        let names = Set(model.graph.inputs.map(\.name))
        for name in (Array(shapes.keys) + bindings.keys).sorted() where !names.contains(name) {
            throw InputError(
                "the model has no input '\(name)'",
                advice: "Its inputs: " + model.graph.inputs.map(\.name).filter { !scope.hasInitializer($0) }.joined(separator: ", "))
        }
        var seen: Set<String> = []
        for info in model.graph.inputs {
            guard seen.insert(info.name).inserted else { throw InputError("two inputs are named '\(info.name)'") }
            guard !info.name.isEmpty else { throw InputError("an input has no name") }
            // An initialiser is the default of an input of its name.
            if scope.hasInitializer(info.name), shapes[info.name] == nil, bindings[info.name] == nil { continue }
            guard let type = try inputType(info) else {
                missing.append(info.name)
                continue
            }
            let id = builder.input(info.name, type)
            scope.replaceInitializer(info.name, with: .value(id))
            if let tensor = bindings[info.name] {
                // NumPy makes float64 and int64 where nobody asks for another type.
                let constant = constants.add(
                    tensor.type.elementType == type.elementType ? tensor : try OpEvaluator.evaluate(Cast(to: type.elementType), [tensor])[0])
                twins[id] = constant
                boundInputs.append((info.name, constant))
            }
        }
        guard missing.isEmpty else {
            let options = try model.inputs().filter { missing.contains($0.name) }.map { port -> String in
                let example = port.dimensions.map { $0.map { $0.map(String.init) ?? "N" }.joined(separator: "x") } ?? "..."
                return "`inputs` \(port.name)=\(example)  (\(port.shapeDescription))"
            }
            throw InputError(
                "the sizes of \(missing.count) input\(missing.count == 1 ? " are" : "s are") not fixed",
                advice: "Give them: " + options.joined(separator: "\n  "))
        }
    }

    /// The type of an input, or nil where a size is open and nobody says what it is.
    private func inputType(_ info: ONNXValueInfo) throws -> TensorType? {
        do {
            switch info.declaration {
            case .other(let what): throw InputError("is \(what); only tensors are supported")
            case .none: throw InputError("has no type")
            case .tensor(let number, let declared):
                let elementType = try ElementType(onnx: number)
                if let bound = bindings[info.name]?.type, bound.elementType.isFloatingPoint != elementType.isFloatingPoint {
                    throw InputError("is \(elementType.rawValue), but the tensor that is given is \(bound)")
                }
                let given = bindings[info.name]?.shape ?? shapes[info.name]
                guard let shape = try combine(declared, given) else { return nil }
                let type = TensorType(elementType, shape)
                try Graph.check(type)
                return type
            }
        } catch let error as InputError { throw error.at("input '\(info.name)'") }
    }

    private func combine(_ declared: [ONNXValueInfo.Dimension]?, _ given: Shape?) throws -> Shape? {
        guard let declared else { return given }
        if let given {
            let agree =
                given.rank == declared.count
                && zip(given.dimensions, declared).allSatisfy { if case .size(let size) = $1 { size == $0 || size < 0 } else { true } }
            guard agree else {
                throw InputError("is declared as \(declared.map(\.description).joined(separator: " x ")), which cannot be \(given)")
            }
            return given
        }
        var sizes: [Int] = []
        for dimension in declared {
            guard case .size(let size) = dimension, size >= 0 else { return nil }
            sizes.append(size)
        }
        return Shape(sizes)
    }

    private func addOutputs(from scope: ImportScope) throws {
        var seen: Set<String> = []
        for info in model.graph.outputs {
            guard seen.insert(info.name).inserted else { throw InputError("two outputs are named '\(info.name)'") }
            let value = try lookUp(info.name, in: scope, reader: "an output")
            if case .tensor(let number, _) = info.declaration, number != 0 {
                let declared = try ElementType(onnx: number)
                guard type(value).elementType == declared else {
                    throw InputError("output '\(info.name)' is declared as \(declared.rawValue), but is \(type(value))")
                }
            } else if case .other(let what) = info.declaration {
                throw InputError("output '\(info.name)' is \(what); only tensors are supported")
            }
            builder.output(info.name, try materialize(value, .operand, name: info.name))
        }
        guard !seen.isEmpty else { throw InputError("the graph has no outputs") }
    }
}

// MARK: - Nodes

extension GraphImporter {
    /// Makes a graph's initialisers known.
    func declare(_ graph: ONNXGraph, in scope: ImportScope) throws {
        if let sparse = graph.sparseInitializers.first {
            throw InputError("the initialiser '\(sparse)' is sparse, which is not supported", advice: "Export the model with dense weights.")
        }
        for initializer in graph.initializers {
            guard scope.addInitializer(initializer) else { throw InputError("two initialisers are named '\(initializer.name)'") }
        }
    }

    /// Imports those of the nodes that some values need.
    func importNodes(_ nodes: [ONNXNode], wanted: [String], in scope: ImportScope) throws {
        var makers: [String: Int] = [:]
        for (index, node) in nodes.enumerated() {
            for output in node.outputs where !output.isEmpty {
                guard makers.updateValue(index, forKey: output) == nil, !scope.hasInitializer(output) else {
                    throw InputError("two values are named '\(output)'", at: "node '\(node.label)'")
                }
            }
        }
        let needed = NeededNodes.find(nodes, makers: makers, wanted: wanted)
        scope.laterNames = Set(makers.keys)
        for (index, node) in nodes.enumerated() where needed.contains(index) {
            do { try importNode(node, in: scope) } catch let error as InputError {
                throw error.location?.hasPrefix("node '") == true ? error : error.at(describe(node, in: scope))
            }
        }
    }

    private func describe(_ node: ONNXNode, in scope: ImportScope) -> String {
        let domain = node.domain.isEmpty ? "" : "\(node.domain)."
        let opset = scope.opsets.versions[node.domain].map { ", opset \($0)" } ?? ""
        return "node '\(scope.prefix)\(node.label)' (\(domain)\(node.opType)\(opset))"
    }

    private func importNode(_ node: ONNXNode, in scope: ImportScope) throws {
        nodeCount += 1
        guard nodeCount <= GraphImporter.nodeLimit else {
            throw InputError("the model unfolds to more than \(GraphImporter.nodeLimit) nodes")
        }
        let inputs = try node.inputs.map { name in
            scope.isOmitted(name) ? nil : try lookUp(name, in: scope, reader: "the node")
        }
        var attributes: [String: ONNXAttribute.Value] = [:]
        for (name, attribute) in node.attributes {
            guard case .reference(let outer) = attribute.value else {
                attributes[name] = attribute.value
                continue
            }
            attributes[name] = scope.attributes[outer]
        }
        let firstNew = nextValueIndex
        let results: [ImportedValue?]
        origins = model.isNative ? Graph.names(fromOrigins: node.documentation) : []
        defer { origins = [] }
        let call = NodeImport(importer: self, scope: scope, node: node, inputs: inputs, attributes: attributes)
        if let rule = ImportRegistry.rule(domain: node.domain, opType: node.opType), model.functions[node.functionKey] == nil || rule.replacesFunctions {
            results = try rule.run(call)
        } else if let function = model.functions[node.functionKey] {
            results = try call.inline(function)
        } else {
            throw InputError("the operator \(node.opType) is not supported")
        }
        for (index, (name, result)) in zip(node.outputs, results).enumerated() where !name.isEmpty {
            guard let result else { throw InputError("its output '\(name)' is not supported") }
            scope.define(name, as: result)
            // Our own exporter keeps the name that a value had in the graph for the node, where ONNX has the value's taken.
            let ownName = model.isNative && index == 0 && !node.name.isEmpty ? node.name : name
            switch result {
            case .value(let id): if id.index >= firstNew { builder.rename(id, to: scope.prefix + ownName) }
            case .constant(let id): if constantNames[id] == nil { constantNames[id] = scope.prefix + ownName }
            }
        }
        if let missing = node.outputs.dropFirst(results.count).first(where: { !$0.isEmpty }) {
            throw InputError("its output '\(missing)' is not supported")
        }
    }

    func lookUp(_ name: String, in scope: ImportScope, reader: String) throws -> ImportedValue {
        switch scope.find(name) {
        case .value(let value): return value
        case .initializer(let initializer, let owner):
            do {
                let id = try constants.add(initializer, as: model.isNative ? .parameter : .initializer)
                constantNames[id] = owner.prefix + name
                owner.define(name, as: .constant(id))
                return .constant(id)
            } catch let error as InputError { throw error.at("initialiser '\(name)'") }
        case .later:
            throw InputError(
                "\(reader) reads '\(name)' before it is made", advice: "The nodes form a cycle, or do not stand in an order in which they can run.")
        case nil: throw InputError("\(reader) reads '\(name)', which nothing makes")
        }
    }

    /// Imports the body of a function or branch. `body` gets a scope that counts towards the depth.
    func nested<Result>(_ body: () throws -> Result) throws -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= GraphImporter.depthLimit else {
            throw InputError("functions and branches are more than \(GraphImporter.depthLimit) deep in each other")
        }
        return try body()
    }

    /// The same, of a function that must not call itself.
    func calling<Result>(_ key: ONNXFunction.Key, _ body: () throws -> Result) throws -> Result {
        guard !callStack.contains(key) else { throw InputError("the function '\(key.name)' calls itself") }
        callStack.append(key)
        defer { callStack.removeLast() }
        return try nested(body)
    }
}

// MARK: - Ops and constants

extension GraphImporter {
    func type(_ value: ImportedValue) -> TensorType {
        switch value {
        case .value(let id): builder.type(id)
        case .constant(let id): constants.type(id)
        }
    }

    /// Applies an op: among constants where all operands are, else in the graph.
    func apply(_ op: any Op, _ operands: [(value: ImportedValue, role: ConstantRole)], name: String) throws -> [ImportedValue] {
        // Kernels read a weight as f32 whatever is stored.
        let types = operands.map { operand in
            let type = type(operand.value)
            return operand.role == .weight ? TensorType(.float32, type.shape) : type
        }
        let constantOperands = operands.compactMap { operand -> ConstantID? in
            switch operand.value {
            case .constant(let id): id
            case .value(let id): twins[id]
            }
        }
        let areConstant = constantOperands.count == operands.count && zip(constantOperands, types).allSatisfy { constants.type($0) == $1 }
        let isInGraph = operands.contains { if case .value = $0.value { true } else { false } }
        // What our own exporter wrote was folded as far as it should be.
        let staysInGraph = model.isNative && constantOperands.contains(where: constants.isWeight)
        let folded = areConstant ? constants.add(op, constantOperands, types: try Graph.inferTypes(op, types)) : nil
        if !isInGraph, !staysInGraph, let folded { return folded.map(ImportedValue.constant) }
        let ids = try operands.map { try materialize($0.value, $0.role, name: "\(name).operand") }
        let results = try builder.apply(op, ids, name: name, origins: origins)
        for id in results { nextValueIndex = max(nextValueIndex, id.index + 1) }
        if let folded { for (id, constant) in zip(results, folded) { twins[id] = constant } }
        return results.map(ImportedValue.value)
    }

    /// The numbers of a value if they are known. Asking for those of a bound input, or what comes of it, fixes the input.
    func numbers(_ value: ImportedValue) throws -> Tensor? {
        switch value {
        case .constant(let id): return try constants.tensor(id)
        case .value(let id):
            guard let twin = twins[id] else { return nil }
            let sources = constants.sources(of: twin)
            for input in boundInputs where sources.contains(input.constant.index) { fixedInputs.insert(input.name) }
            return try constants.tensor(twin)
        }
    }
}
