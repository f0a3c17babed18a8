import Files
import GraphIR
import Tensors

/// A graph with a kernel for each node that computes something. It depends neither on an order of the nodes nor on a number of the model.
struct LoweredGraph {
    let graph: Graph
    /// Nodes without one are views or literals.
    private(set) var kernels: [NodeID: Kernel] = [:]
    private(set) var literals: [ValueID: Tensor] = [:]
    private var views: [ValueID: (parent: ValueID, offset: Int)] = [:]
    /// Values that are stored as bfloat16.
    private(set) var narrow: Set<ValueID> = []

    private let parameters: ParameterStore
    let options: RuntimeOptions

    init(_ graph: Graph, parameters: ParameterStore, options: RuntimeOptions) throws {
        (self.graph, self.parameters, self.options) = (graph, parameters, options)
        let running = graph.order.filter { !makeViews($0) && !makeLiteral($0) }
        if options.precision != .float32 { narrow = narrowValues(running) }
        for id in running { kernels[id] = try lower(id) }
    }

    /// The value whose memory this one is part of, and where in it.
    func root(_ id: ValueID) -> (value: ValueID, offset: Int) {
        var root = (value: id, offset: 0)
        while let view = views[root.value] { root = (view.parent, root.offset + view.offset) }
        return root
    }

    /// Bytes of all that is packed to run it, each once.
    func packedByteCount() throws -> Int {
        var packings: [String: Int] = [:]
        for (id, kernel) in kernels {
            for packing in kernel.packings { packings[packing.key] = packing.byteCount }
            for (index, operand) in graph[id].operands.enumerated() where graph[id].op.readsData(ofOperand: index) && !kernel.packedOperands.contains(index) {
                guard case .parameter(let key) = graph[root(operand).value].definition,
                    let packing = try parameters.packing(key, as: graph.type(root(operand).value))
                else { continue }
                packings[packing.key] = packing.byteCount
            }
        }
        return packings.values.reduce(0, +)
    }

    func storedByteCount(_ id: ValueID) -> Int { graph.type(id).byteCount / (narrow.contains(id) ? 2 : 1) }

    private mutating func makeViews(_ id: NodeID) -> Bool {
        let node = graph[id]
        guard let views = graph.views(node) else { return false }
        for (result, view) in zip(node.results, views) { self.views[result] = (node.operands[view.operand], view.byteOffset) }
        return true
    }

    private mutating func makeLiteral(_ id: NodeID) -> Bool {
        guard let op = graph[id].op as? any LiteralOp else { return false }
        literals[graph[id].results[0]] = op.tensor()
        return true
    }

    private func lower(_ id: NodeID) throws -> Kernel {
        let node = graph[id]
        guard let op = node.op as? any LowerableOp else {
            throw InputError("there is no kernel for '\(node.op.name)'", at: "\(graph.name): %\(graph.name(of: id))")
        }
        // Kernels trust this; an op's inference need not demand it.
        guard op.takesEveryElementType || (graph.operandTypes(node) + graph.resultTypes(node)).allSatisfy({ $0.elementType == .float32 }) else {
            throw InputError(
                "there is no kernel for values of other types than f32", at: "\(graph.name): \(op.name) %\(graph.name(of: id))",
                advice: "A cast in front of it gives it f32.")
        }
        guard graph.resultTypes(node).contains(where: { $0.elementCount > 0 }) else { return Kernel("nothing") { _ in } }
        var context = context(node)
        // Packings read as many numbers as the graph says there are.
        for (key, operand) in zip(context.parameterKeys, node.operands) { if let key { _ = try parameters.packing(key, as: graph.type(operand)) } }
        context.narrowOperands = Set(node.operands.indices.filter { narrow.contains(node.operands[$0]) })
        context.narrowResult = narrow.contains(node.results[0])
        do { return try op.lower(context) } catch let error as InputError { throw error.at("\(graph.name): \(op.name) %\(graph.name(of: id))") }
    }

    private func context(_ node: Node) -> LoweringContext {
        let keys = node.operands.map { operand -> String? in if case .parameter(let key) = graph[operand].definition { key } else { nil } }
        return LoweringContext(operands: graph.operandTypes(node), results: graph.resultTypes(node), parameterKeys: keys, options: options)
    }

    /// What all readers round to bfloat16 anyway, and its writer can write so.
    private func narrowValues(_ running: [NodeID]) -> Set<ValueID> {
        var result: Set<ValueID> = []
        var read: Set<ValueID> = []
        var readWide = Set(graph.outputs.map(\.value)).union(views.keys).union(views.values.map(\.parent))
        for id in running {
            let node = graph[id]
            let storage = (node.op as? any NarrowStorageOp)?.narrowStorage(context(node))
            for (index, operand) in node.operands.enumerated() {
                read.insert(operand)
                if storage?.operands.contains(index) != true { readWide.insert(operand) }
            }
            if storage?.result == true, graph.type(node.results[0]).elementType == .float32 { result.insert(node.results[0]) }
        }
        return result.intersection(read).subtracting(readWide)
    }
}
