import GraphIR
import Operators
import Tensors

/// A graph that is run again and again, cut by how often each part of it must run.
///
///     input %z, %c_img, %timestep, %context             z and timestep change
///     %kv = linear(%context, ...)                       -> prologue: once for all steps
///     %t = linear(%timestep_embedding, ...)             -> time table: once for each timestep
///     %h = conv2d(%z, ..., %t, ...)                     -> step
///     %y = attention(%h, %kv)                           -> step
///
/// What crosses a cut is an output of one graph and an input of the next, under the name that the value has.
public struct StagedGraphs: Sendable {
    /// What depends on no changing input. Its outputs are ``prologueValues``.
    public var prologue: Graph
    /// What depends on the timestep alone. Its outputs are ``timeTableValues``.
    public var timeTable: Graph
    /// The rest: reads the changing inputs, unchanging ones that it still needs, and the values of the other two.
    public var step: Graph

    /// Outputs of the prologue that the step reads, and inputs of the step.
    public var prologueValues: [String]
    /// Outputs of the time table that the step reads, and inputs of the step.
    public var timeTableValues: [String]

    public init(prologue: Graph, timeTable: Graph, step: Graph, prologueValues: [String], timeTableValues: [String]) {
        self.prologue = prologue
        self.timeTable = timeTable
        self.step = step
        self.prologueValues = prologueValues
        self.timeTableValues = timeTableValues
    }
}

/// Moves what does not change between runs out of a graph.
public struct HoistInvariants: Sendable {
    /// The inputs that differ from run to run.
    public var changingInputs: Set<String>
    /// Those among them that come from a short list known beforehand.
    public var tabulatedInputs: Set<String>

    public init(changingInputs: Set<String> = ["z", "timestep"], tabulatedInputs: Set<String> = ["timestep"]) {
        self.changingInputs = changingInputs
        self.tabulatedInputs = tabulatedInputs
    }

    private enum Stage { case prologue, timeTable, step }

    public func split(_ graph: Graph) -> StagedGraphs {
        let changing = graph.values(dependingOn: changingInputs)
        let others = Set(graph.inputs.map { graph[$0].name }).subtracting(tabulatedInputs)
        let beyondTable = graph.values(dependingOn: others)
        func stage(_ value: ValueID) -> Stage { !changing.contains(value) ? .prologue : beyondTable.contains(value) ? .step : .timeTable }
        var stages: [NodeID: Stage] = [:]
        for id in graph.order { stages[id] = stage(graph[id].results[0]) }
        // Parts of a row are views: the step takes them apart itself, and the table has one entry instead of dozens.
        let uses = graph.uses()
        for id in graph.order.reversed() where stages[id] == .timeTable && graph[id].op is Split {
            if graph[id].results.allSatisfy({ (uses[$0] ?? []).allSatisfy { stages[$0] == .step } }) { stages[id] = .step }
        }
        // What reads no input at all, such as a constant, the table makes for itself: it runs on the timestep alone.
        let varying = graph.values(dependingOn: Set(graph.inputs.map { graph[$0].name }))
        var fixed: Set<NodeID> = []
        for id in graph.order.reversed() where stages[id] == .timeTable || fixed.contains(id) {
            fixed.formUnion(graph[id].operands.filter { !varying.contains($0) }.compactMap(graph.producer))
        }
        func nodes(_ stage: Stage) -> [NodeID] { graph.order.filter { stages[$0] == stage || (stage == .timeTable && fixed.contains($0)) } }
        let outputs = Set(graph.outputs.map(\.value))
        /// The values of a stage that others read or that the graph puts out.
        func crossing(_ stage: Stage) -> [Graph.Output] {
            graph.order.filter { stages[$0] == stage }.flatMap { graph[$0].results }
                .filter { value in outputs.contains(value) || (uses[value] ?? []).contains { stages[$0] == .step } }
                .map { Graph.Output(name: graph[$0].name, value: $0) }
        }
        let (fromPrologue, fromTable) = (crossing(.prologue), crossing(.timeTable))
        return StagedGraphs(
            prologue: graph.extract("\(graph.name)_prologue", nodes: nodes(.prologue), outputs: fromPrologue),
            timeTable: graph.extract("\(graph.name)_time_table", nodes: nodes(.timeTable), outputs: fromTable),
            step: graph.extract(graph.name, nodes: nodes(.step), outputs: graph.outputs),
            prologueValues: fromPrologue.map(\.name), timeTableValues: fromTable.map(\.name))
    }
}

/// What a pipeline and hoisting make of a step.
public struct OptimizedStep: Sendable {
    public var graphs: StagedGraphs
    /// In the order of the pipeline.
    public var statistics: [PassStatistics]
    public var log: [Rewrite]
}

/// Optimises a graph that is run again and again, and moves out of it what need not be.
///
/// At level O0 nothing moves: prologue and time table are empty.
public func optimizeStep(
    _ graph: Graph, hoisting: HoistInvariants = HoistInvariants(), level: OptimizationLevel = .standard,
    options: PipelineOptions = PipelineOptions()
) throws -> OptimizedStep {
    let optimized = try Pipeline.standard(level: level, changingInputs: hoisting.changingInputs).run(graph, options: options)
    let graphs =
        level >= .o1
        ? hoisting.split(optimized.graph)
        : StagedGraphs(
            prologue: Graph(name: "\(graph.name)_prologue"), timeTable: Graph(name: "\(graph.name)_time_table"), step: optimized.graph,
            prologueValues: [], timeTableValues: [])
    return OptimizedStep(graphs: graphs, statistics: optimized.statistics, log: optimized.log)
}
