import Files
import GraphIR
import Tensors

/// How a graph will run: kernel calls in order, a place in memory for every value, and what is to be packed for them.
///
/// Nothing of the model is read for it but the types of its parameters, so it is made in no time and can be looked at: steps, memory, bytes. To run it,
/// ``pack(progress:)`` it.
public struct ProgramPlan: Sendable {
    /// Where the bytes of a value are found.
    enum Location: Sendable {
        case arena(Int)
        case input(Int, offset: Int)
        /// The index among ``ProgramPlan/parameters``.
        case parameter(Int, offset: Int)
        case literal(Tensor, offset: Int)
        /// Never read: a parameter that is packed, or an operand of which only the type matters.
        case nowhere
    }

    public struct Step: Sendable {
        public let node: NodeID
        public let kernel: Kernel
        let operands: [Location]
        let results: [Location]
        let scratch: Int
        /// Whether the first result is stored as bfloat16.
        let narrowResult: Bool
    }

    /// A parameter that is read as the graph declares it.
    struct Parameter: Sendable {
        var key: String
        var type: TensorType
        /// Nil where it is stored so.
        var packing: Packing?
    }

    public let graph: Graph
    public let options: RuntimeOptions
    public private(set) var steps: [Step] = []
    public let memory: MemoryPlan
    private(set) var outputs: [Location] = []
    private(set) var parameters: [Parameter] = []
    let store: ParameterStore

    /// Chooses kernels and plans memory, with the nodes in the graph's order and with each as late as its readers allow, and keeps what needs less.
    ///
    /// - Throws: `InputError` where there is no kernel for a node, or the model's parameters are not what the graph declares.
    public init(_ graph: Graph, parameters store: ParameterStore, options: RuntimeOptions) throws {
        (self.graph, self.options, self.store) = (graph, options, store)
        let lowered = try LoweredGraph(graph, parameters: store, options: options)
        var schedule = BufferSchedule(lowered, order: graph.order, reusesMemory: options.reusesMemory)
        var memory = MemoryPlan(schedule.buffers)
        let late = graph.latestOrder()
        if late != graph.order {
            let other = BufferSchedule(lowered, order: late, reusesMemory: options.reusesMemory)
            let otherMemory = MemoryPlan(other.buffers)
            if otherMemory.arenaByteCount < memory.arenaByteCount { (schedule, memory) = (other, otherMemory) }
        }
        self.memory = memory

        var parameterIndices: [ValueID: Int] = [:]
        func location(_ id: ValueID, _ plan: inout ProgramPlan) throws -> Location {
            let (value, offset) = lowered.root(id)
            if let buffer = schedule.buffer(of: value) { return .arena(memory.offsets[buffer] + offset) }
            if let literal = lowered.literals[value] { return .literal(literal, offset: offset) }
            guard case .parameter(let key) = graph[value].definition else { return .input(graph.inputs.firstIndex(of: value)!, offset: offset) }
            if parameterIndices[value] == nil {
                parameterIndices[value] = plan.parameters.count
                plan.parameters.append(Parameter(key: key, type: graph.type(value), packing: try store.packing(key, as: graph.type(value))))
            }
            return .parameter(parameterIndices[value]!, offset: offset)
        }
        for (id, scratch) in schedule.steps {
            let (node, kernel) = (graph[id], lowered.kernels[id]!)
            let operands = try node.operands.enumerated().map { index, operand -> Location in
                let isRead = node.op.readsData(ofOperand: index) && !kernel.packedOperands.contains(index)
                return isRead ? try location(operand, &self) : .nowhere
            }
            steps.append(
                Step(
                    node: id, kernel: kernel, operands: operands, results: try node.results.map { try location($0, &self) },
                    scratch: scratch.map { memory.offsets[$0] } ?? 0, narrowResult: lowered.narrow.contains(node.results[0])))
        }
        outputs = try graph.outputs.map { try location($0.value, &self) }
    }

    /// All that is packed for it, each once.
    public var packings: [Packing] {
        var seen: Set<String> = []
        return (steps.flatMap(\.kernel.packings) + parameters.compactMap(\.packing)).filter { seen.insert($0.key).inserted }
    }

    /// Bytes of all packings.
    public var packedByteCount: Int { packings.reduce(0) { $0 + $1.byteCount } }
}
