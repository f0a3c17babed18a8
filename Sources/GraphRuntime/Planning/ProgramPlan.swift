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
        /// Of the graph's outputs, in the memory that it is given back in.
        case output(Int, offset: Int)
        case input(Int, offset: Int)
        /// The index among ``ProgramPlan/parameters``.
        case parameter(Int, offset: Int)
        case literal(Tensor, offset: Int)
        /// Never read: a parameter that is packed, or an operand of which only the type matters.
        case nowhere
    }

    public struct Step: Sendable {
        /// What it runs for.
        public let node: NodeID
        /// All that it runs, ``node`` last: several nodes where it goes strip by strip.
        public let nodes: [NodeID]
        /// Nil where a node runs as a whole.
        public let strips: StripCount?
        public let kernel: Kernel
        /// What it makes that has memory of its own.
        public let values: [ValueID]
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

    /// Chooses kernels and plans memory, with the nodes in the graph's order and with each as late as its readers allow, and keeps what needs less. Where that is more
    /// than ``RuntimeOptions/memoryLimit``, nodes run strip by strip, to the same bits.
    ///
    /// - Throws: `InputError` where there is no kernel for a node, the model's parameters are not what the graph declares, or nothing fits into the limit.
    public init(_ graph: Graph, parameters store: ParameterStore, options: RuntimeOptions) throws {
        do { try self.init(graph, store, options) } catch let error as MemoryShortage { throw error.inputError(options.memory) }
    }

    private init(_ graph: Graph, _ store: ParameterStore, _ options: RuntimeOptions) throws {
        (self.graph, self.options, self.store) = (graph, options, store)
        let lowered = try LoweredGraph(graph, parameters: store, options: options)
        var scheduled = ScheduledStages(lowered, graph.order.filter { lowered.kernels[$0] != nil }.map(lowered.stage))
        let late = graph.latestOrder()
        if late != graph.order {
            let other = ScheduledStages(lowered, late.filter { lowered.kernels[$0] != nil }.map(lowered.stage))
            if other.memory.arenaByteCount < scheduled.memory.arenaByteCount { scheduled = other }
        }
        if options.isLimited {
            // Weights, inputs and outputs are there whatever the arena holds.
            let others = try graph.signatureByteCount + lowered.packedByteCount()
            let limit = [options.memoryLimit.map { $0 - others }, options.arenaLimit].compactMap { $0 }.min()!
            do { scheduled = try StripMine(lowered, scheduled.schedule.steps.map(\.stage.node)).fit(scheduled, limit: limit) } catch var error as MemoryShortage
            {
                (error.graph, error.limit, error.leastByteCount) = (graph.name, limit + others, error.leastByteCount + others)
                throw error
            }
        }
        if options.stripsEverything { scheduled = StripMine(lowered, scheduled.schedule.steps.map(\.stage.node)).everything() }
        let (schedule, memory) = (scheduled.schedule, scheduled.memory)
        self.memory = memory

        var parameterIndices: [ValueID: Int] = [:]
        func location(_ id: ValueID, _ plan: inout ProgramPlan) throws -> Location {
            let (value, offset) = lowered.root(id)
            switch schedule.place(of: value) {
            case .buffer(let buffer): return .arena(memory.offsets[buffer] + offset)
            case .output(let index): return .output(index, offset: offset)
            case nil: break
            }
            if let literal = lowered.literals[value] { return .literal(literal, offset: offset) }
            guard case .parameter(let key) = graph[value].definition else { return .input(graph.inputs.firstIndex(of: value)!, offset: offset) }
            if parameterIndices[value] == nil {
                parameterIndices[value] = plan.parameters.count
                plan.parameters.append(Parameter(key: key, type: graph.type(value), packing: try store.packing(key, as: graph.type(value))))
            }
            return .parameter(parameterIndices[value]!, offset: offset)
        }
        for (stage, scratch) in schedule.steps {
            let kernel = stage.kernel
            let operands = try stage.operands.enumerated().map { index, operand -> Location in
                operand.isRead && !kernel.packedOperands.contains(index) ? try location(operand.value, &self) : .nowhere
            }
            steps.append(
                Step(
                    node: stage.node, nodes: stage.nodes, strips: stage.strips, kernel: kernel, values: stage.results, operands: operands,
                    results: try stage.results.map { try location($0, &self) }, scratch: scratch.map { memory.offsets[$0] } ?? 0,
                    narrowResult: lowered.narrow.contains(stage.results[0])))
        }
        outputs = try graph.outputs.map { try location($0.value, &self) }
    }

    /// All that is packed for it, each once.
    public var packings: [Packing] {
        var seen: Set<String> = []
        return (steps.flatMap(\.kernel.packings) + parameters.compactMap(\.packing)).filter { seen.insert($0.key).inserted }
    }

    /// The most memory that a run takes, with weights, inputs and outputs.
    public var byteCount: Int { packedByteCount + graph.signatureByteCount + memory.arenaByteCount }

    /// The least limit that a graph was found to fit into.
    public static func leastByteCount(_ graph: Graph, parameters store: ParameterStore, options: RuntimeOptions) throws -> Int {
        var options = options
        options.memoryLimit = 0
        do { return try ProgramPlan(graph, store, options).byteCount } catch let error as MemoryShortage { return error.leastByteCount }
    }

    /// The least limit of its arena alone.
    public static func leastArenaByteCount(_ graph: Graph, parameters store: ParameterStore, options: RuntimeOptions) throws -> Int {
        var options = options
        options.arenaLimit = 0
        do { return try ProgramPlan(graph, store, options).memory.arenaByteCount } catch let error as MemoryShortage { return error.leastArenaByteCount }
    }

    /// Operations, those that strips do again included.
    public var floatingPointOperations: Int { steps.reduce(0) { $0 + $1.nodes.reduce(0) { $0 + graph.floatingPointOperations(of: $1) } } }

    /// Bytes of all packings.
    public var packedByteCount: Int { packings.reduce(0) { $0 + $1.byteCount } }
}
