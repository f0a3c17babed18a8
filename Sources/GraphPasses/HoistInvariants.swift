import GraphIR
import Operators
import Tensors

/// One part of a graph that is run again and again: it runs again when one of the inputs that it depends on has changed.
public struct GraphStage: Sendable {
    public var name: String
    /// Reads inputs of the whole graph and outputs of earlier stages. Its outputs are what later stages read, under the values' names; the last one's are the whole graph's.
    public var graph: Graph
    /// Inputs of the whole graph.
    public var dependsOn: Set<String>

    public init(name: String, graph: Graph, dependsOn: Set<String>) {
        self.name = name
        self.graph = graph
        self.dependsOn = dependsOn
    }
}

/// A graph cut by how often each part of it must run, in the order in which they run.
public struct StagedGraph: Sendable {
    public var stages: [GraphStage]

    public init(stages: [GraphStage]) { self.stages = stages }

    public subscript(name: String) -> Graph {
        guard let stage = stages.first(where: { $0.name == name }) else { preconditionFailure("there is no stage '\(name)'") }
        return stage.graph
    }
}

/// Moves what changes less often than the rest out of a graph.
///
///     input %z, %c_img, %timestep, %context             stages: prologue (context, c_img), time_table (timestep), step
///     %kv = linear(%context, ...)                       -> prologue: once for all steps
///     %t = linear(%timestep_embedding, ...)             -> time_table: once for each timestep
///     %h = conv2d(%z, ..., %t, ...)                     -> step
///     %y = attention(%h, %kv)                           -> step
public struct HoistInvariants: Sendable {
    /// A stage that is moved out.
    public struct Stage: Sendable {
        public var name: String
        /// What depends on these inputs alone, and fits no stage before, is in it.
        public var inputs: Set<String>
        /// Whether it runs for each of a short list of inputs and its results are kept for all of them.
        public var isTable: Bool

        public init(_ name: String, inputs: Set<String>, isTable: Bool = false) {
            self.name = name
            self.inputs = inputs
            self.isTable = isTable
        }
    }

    /// In the order in which they run.
    public var stages: [Stage]
    /// The name of what is left, which may depend on everything.
    public var rest: String

    public init(stages: [Stage], rest: String) {
        self.stages = stages
        self.rest = rest
    }

    /// The inputs of a graph that the first stage does not read: those that differ from run to run.
    func changingInputs(_ graph: Graph) -> Set<String> {
        Set(graph.inputs.map { graph[$0].name }).subtracting(stages.first?.inputs ?? [])
    }

    public func split(_ graph: Graph) -> StagedGraph {
        let inputs = Set(graph.inputs.map { graph[$0].name })
        let last = stages.count
        // For each stage, what it cannot compute.
        let beyond = stages.map { graph.values(dependingOn: inputs.subtracting($0.inputs)) }
        var place: [NodeID: Int] = [:]
        for id in graph.order { place[id] = beyond.firstIndex { !$0.contains(graph[id].results[0]) } ?? last }
        // Parts of a row are views: the last stage takes them apart itself, and a table has one entry instead of dozens.
        let uses = graph.uses()
        for id in graph.order.reversed() where place[id]! < last && stages[place[id]!].isTable && graph[id].op is Split {
            if graph[id].results.allSatisfy({ (uses[$0] ?? []).allSatisfy { place[$0] == last } }) { place[id] = last }
        }
        // What reads no input at all, such as a constant, a table makes for itself: it runs on its own inputs alone.
        let varying = graph.values(dependingOn: inputs)
        func own(_ stage: Int) -> Set<NodeID> {
            guard stage < last, stages[stage].isTable else { return [] }
            var own: Set<NodeID> = []
            for id in graph.order.reversed() where place[id] == stage || own.contains(id) {
                own.formUnion(graph[id].operands.filter { !varying.contains($0) }.compactMap(graph.producer))
            }
            return own
        }
        let copies = (0...last).map(own)
        let outputs = Set(graph.outputs.map(\.value))
        return StagedGraph(
            stages: (0...last).map { stage in
                let nodes = graph.order.filter { place[$0] == stage || copies[stage].contains($0) }
                guard stage < last else {
                    return GraphStage(name: rest, graph: graph.extract(graph.name, nodes: nodes, outputs: graph.outputs), dependsOn: inputs)
                }
                // The values that others read or that the graph puts out.
                let crossing = graph.order.filter { place[$0] == stage }.flatMap { id in
                    graph[id].results.filter { value in
                        outputs.contains(value) || (uses[value] ?? []).contains { place[$0] != stage && !copies[place[$0]!].contains(id) }
                    }
                }.map { Graph.Output(name: graph[$0].name, value: $0) }
                let name = stages[stage].name
                return GraphStage(
                    name: name, graph: graph.extract("\(graph.name)_\(name)", nodes: nodes, outputs: crossing),
                    dependsOn: stages[stage].inputs.intersection(inputs))
            })
    }

    /// The same, but that what depends on an input is never moved out.
    public func leaving(_ input: String) -> HoistInvariants {
        HoistInvariants(stages: stages.map { Stage($0.name, inputs: $0.inputs.subtracting([input]), isTable: $0.isTable) }, rest: rest)
    }

    /// The whole graph as the last stage; the others are empty.
    func uncut(_ graph: Graph) -> StagedGraph {
        let empty = stages.map { GraphStage(name: $0.name, graph: Graph(name: "\(graph.name)_\($0.name)"), dependsOn: []) }
        return StagedGraph(stages: empty + [GraphStage(name: rest, graph: graph, dependsOn: Set(graph.inputs.map { graph[$0].name }))])
    }
}

/// What a pipeline and hoisting make of a step.
public struct OptimizedStep: Sendable {
    public var graphs: StagedGraph
    /// In the order of the pipeline.
    public var statistics: [PassStatistics]
    public var log: [Rewrite]
}

/// Optimises a graph that is run again and again, and moves out of it what need not be.
///
/// At level O0 nothing moves: all stages but the last are empty.
///
/// - Parameter input: what depends on it stays where it is all the same: computed each time, by the very nodes that would be moved out.
public func optimizeStep(
    _ graph: Graph, hoisting: HoistInvariants, leaving input: String? = nil, level: OptimizationLevel = .standard,
    options: PipelineOptions = PipelineOptions()
) throws -> OptimizedStep {
    let pipeline = try Pipeline.standard(level: level, changingInputs: hoisting.changingInputs(graph), adding: options.addedPasses)
    let optimized = try pipeline.run(graph, options: options)
    let moved = input.map(hoisting.leaving) ?? hoisting
    let graphs = level >= .o1 ? moved.split(optimized.graph) : moved.uncut(optimized.graph)
    return OptimizedStep(graphs: graphs, statistics: optimized.statistics, log: optimized.log)
}
