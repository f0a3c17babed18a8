import Files
import Foundation
import GraphIR
import Tensors

/// Lowers a graph and plans its memory.
struct ProgramBuilder {
    struct Parts {
        var steps: [Program.Step]
        var plan: MemoryPlan
        var outputs: [Program.Location]
    }

    let graph: Graph
    let order: [NodeID]
    let parameters: ParameterStore
    let options: RuntimeOptions

    /// What a value's bytes are part of.
    private enum Root: Hashable {
        case input(Int)
        case parameter(ValueID)
        case literal(ValueID)
        case buffer(Int)
    }

    private struct Placement {
        var root: Root
        var offset: Int
    }

    private struct LoweredNode {
        var id: NodeID
        var kernel: Kernel
        var scratch: Int?
    }

    private var placements: [ValueID: Placement] = [:]
    private var buffers: [MemoryPlan.Buffer] = []
    private var nodes: [LoweredNode] = []

    private init(graph: Graph, order: [NodeID], parameters: ParameterStore, options: RuntimeOptions) {
        self.graph = graph
        self.order = order
        self.parameters = parameters
        self.options = options
    }

    /// Builds with the nodes in the graph's order and with each as late as its readers allow, and keeps what needs less memory.
    static func build(_ graph: Graph, parameters: ParameterStore, options: RuntimeOptions) throws -> Parts {
        var builder = ProgramBuilder(graph: graph, order: graph.order, parameters: parameters, options: options)
        let parts = try builder.build()
        let late = graph.latestOrder()
        guard late != graph.order else { return parts }
        var other = ProgramBuilder(graph: graph, order: late, parameters: parameters, options: options)
        let otherParts = try other.build()
        return otherParts.plan.arenaByteCount < parts.plan.arenaByteCount ? otherParts : parts
    }

    private mutating func build() throws -> Parts {
        // Before anything is arranged for a value that no run can have.
        if options.arrangesWeights { try graph.requireMemory() }
        for (index, id) in graph.inputs.enumerated() { placements[id] = Placement(root: .input(index), offset: 0) }
        for id in graph.parameters { placements[id] = Placement(root: .parameter(id), offset: 0) }

        // Views and literals need no step, so steps are counted over the nodes that run.
        var running: [NodeID] = []
        for id in order where !makeViews(id) && !makeLiteral(id) { running.append(id) }
        if options.precision == .bfloat16 { narrow = narrowValues(running) }
        let lastUse = lastUses(running)

        for (step, id) in running.enumerated() {
            let node = graph[id]
            let kernel = try lower(id)
            let inPlace = !options.reusesMemory ? nil : inPlaceBuffer(node, kernel, step: step, lastUse: lastUse)
            for (index, result) in node.results.enumerated() {
                let end = max(step + 1, (lastUse[viewRoot(result)] ?? step) + 1)
                if index == 0, let buffer = inPlace {
                    buffers[buffer].lifetime = buffers[buffer].lifetime.lowerBound..<end
                    placements[result] = Placement(root: .buffer(buffer), offset: 0)
                } else {
                    buffers.append(.init(label: graph[result].name, byteCount: storedByteCount(result), lifetime: step..<end))
                    placements[result] = Placement(root: .buffer(buffers.count - 1), offset: 0)
                }
            }
            var scratch: Int?
            if kernel.scratchByteCount > 0 {
                buffers.append(.init(label: "scratch of \(graph.name(of: id))", byteCount: kernel.scratchByteCount, lifetime: step..<(step + 1)))
                scratch = buffers.count - 1
            }
            nodes.append(LoweredNode(id: id, kernel: kernel, scratch: scratch))
        }
        if !options.reusesMemory {
            for index in buffers.indices { buffers[index].lifetime = 0..<max(1, running.count + 1) }
        }
        let plan = MemoryPlan(buffers)
        let steps = try nodes.map { lowered -> Program.Step in
            let node = graph[lowered.id]
            let operands = try node.operands.enumerated().map { index, operand -> Program.Location in
                if lowered.kernel.preparedOperands.contains(index) || !node.op.readsData(ofOperand: index) { return .nowhere }
                return try location(operand, plan)
            }
            return Program.Step(
                node: lowered.id, kernel: lowered.kernel, operands: operands, results: try node.results.map { try location($0, plan) },
                scratch: lowered.scratch.map { plan.offsets[$0] } ?? 0, narrowResult: narrow.contains(node.results[0]))
        }
        return Parts(steps: steps, plan: plan, outputs: try graph.outputs.map { try location($0.value, plan) })
    }

    /// Views of views resolved: the value whose memory this one is part of, and where.
    private var viewParents: [ValueID: (parent: ValueID, offset: Int)] = [:]

    private func viewRoot(_ id: ValueID) -> ValueID {
        var id = id
        while let view = viewParents[id] { id = view.parent }
        return id
    }

    private mutating func makeViews(_ id: NodeID) -> Bool {
        let node = graph[id]
        guard let op = node.op as? any ViewingOp,
            let views = op.views(operands: graph.operandTypes(node), results: graph.resultTypes(node))
        else { return false }
        for (result, view) in zip(node.results, views) { viewParents[result] = (node.operands[view.operand], view.byteOffset) }
        return true
    }

    private var literals: [ValueID: Tensor] = [:]

    private mutating func makeLiteral(_ id: NodeID) -> Bool {
        guard let op = graph[id].op as? any LiteralOp else { return false }
        let result = graph[id].results[0]
        literals[result] = op.tensor()
        placements[result] = Placement(root: .literal(result), offset: 0)
        return true
    }

    /// The last step that reads each value or a view of it; outputs are read after all.
    private func lastUses(_ running: [NodeID]) -> [ValueID: Int] {
        var result: [ValueID: Int] = [:]
        for (step, id) in running.enumerated() {
            let node = graph[id]
            for (index, operand) in node.operands.enumerated() where node.op.readsData(ofOperand: index) {
                result[viewRoot(operand)] = step
            }
        }
        for output in graph.outputs { result[viewRoot(output.value)] = running.count }
        return result
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
        let keys = parameterKeys(node)
        // Kernels that arrange parameters read as many numbers as the graph says there are.
        for (key, operand) in zip(keys, node.operands) { if let key { try parameters.check(key, graph.type(operand)) } }
        do {
            var context = context(node)
            context.narrowOperands = Set(node.operands.indices.filter { narrow.contains(node.operands[$0]) })
            context.narrowResult = narrow.contains(node.results[0])
            return try op.lower(context)
        } catch let error as InputError {
            throw error.at("\(graph.name): \(op.name) %\(graph.name(of: id))")
        }
    }

    private func parameterKeys(_ node: Node) -> [String?] {
        node.operands.map { if case .parameter(let key) = graph[$0].definition { key } else { nil } }
    }

    private func context(_ node: Node) -> LoweringContext {
        LoweringContext(
            operands: graph.operandTypes(node), results: graph.resultTypes(node), parameterKeys: parameterKeys(node), parameters: parameters,
            options: options)
    }

    /// Values that are stored as bfloat16.
    private var narrow: Set<ValueID> = []

    private func storedByteCount(_ id: ValueID) -> Int { graph.type(id).byteCount / (narrow.contains(id) ? 2 : 1) }

    /// What all readers round to bfloat16 anyway, and its writer can write so.
    private func narrowValues(_ running: [NodeID]) -> Set<ValueID> {
        var result: Set<ValueID> = []
        var read: Set<ValueID> = []
        var readWide = Set(graph.outputs.map(\.value)).union(viewParents.keys).union(viewParents.values.map(\.parent))
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

    /// The buffer that a node's first result can take over: of an operand that nobody reads later, all of it, and that no
    /// other operand shares.
    private func inPlaceBuffer(_ node: Node, _ kernel: Kernel, step: Int, lastUse: [ValueID: Int]) -> Int? {
        let byteCount = storedByteCount(node.results[0])
        for index in kernel.inPlaceOperands {
            let root = viewRoot(node.operands[index])
            guard let placement = placements[root], case .buffer(let buffer) = placement.root,
                lastUse[root] == step, buffers[buffer].byteCount == byteCount,
                storedByteCount(root) == byteCount,
                !node.operands.enumerated().contains(where: { $0.offset != index && viewRoot($0.element) == root })
            else { continue }
            return buffer
        }
        return nil
    }

    private func location(_ id: ValueID, _ plan: MemoryPlan) throws -> Program.Location {
        var id = id
        var offset = 0
        while let view = viewParents[id] {
            offset += view.offset
            id = view.parent
        }
        let placement = placements[id]!
        switch placement.root {
        case .input(let index): return .input(index, offset: offset)
        case .buffer(let buffer): return .arena(plan.offsets[buffer] + offset)
        case .parameter(let parameter):
            let value = graph[parameter]
            return .parameter(try parameters.tensor(value.name, value.type), offset: offset)
        case .literal(let value): return .parameter(literals[value]!, offset: offset)
        }
    }
}

extension Graph {
    /// The nodes with each one directly in front of the first that reads it, or at the end: nothing waits in memory for its reader.
    func latestOrder() -> [NodeID] {
        func producers(_ id: NodeID) -> [NodeID] {
            var seen: Set<NodeID> = []
            return self[id].operands.compactMap(producer).filter { seen.insert($0).inserted }
        }
        var waitingReaders: [NodeID: Int] = [:]
        for id in order { for producer in producers(id) { waitingReaders[producer, default: 0] += 1 } }
        // From the back: a node has its place as soon as all that read it have theirs.
        var ready = order.filter { waitingReaders[$0] == nil }
        var result: [NodeID] = []
        result.reserveCapacity(order.count)
        while let id = ready.popLast() {
            result.append(id)
            for producer in producers(id) {
                waitingReaders[producer]! -= 1
                if waitingReaders[producer] == 0 { ready.append(producer) }
            }
        }
        return result.reversed()
    }
}
