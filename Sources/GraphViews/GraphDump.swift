import GraphIR
import GraphPasses
import GraphRuntime

/// How a graph is written.
public enum GraphFormat: String, CaseIterable, Sendable {
    case text, json, dot, html
}

/// A stage of a graph with all that is known of it, to be written in any format.
public struct GraphDump: Sendable {
    public var graph: Graph
    /// `imported`, `optimized`, `scheduled`, or `after PASS`.
    public var stage: String
    public var schedule: Schedule?
    public var memory: MemoryPicture?
    public var profile: ProfileReport?
    /// The name that the program was profiled under; nil for the graph's own.
    public var programName: String?
    /// The stage before, for the page to show beside this one.
    public var before: (graph: Graph, stage: String)?
    public var passes: [PassSummary] = []
    public var rewrites: [RewriteRecord] = []

    public init(_ graph: Graph, stage: String) {
        self.graph = graph
        self.stage = stage
    }

    public init(_ plan: ProgramPlan, stage: String = "scheduled", profile: ProfileReport? = nil) {
        self.init(plan.graph, stage: stage)
        schedule = Schedule(plan)
        memory = MemoryPicture(plan)
        self.profile = profile
    }

    /// What the passes made of an imported graph.
    public init(_ optimized: OptimizedGraph, from imported: Graph, stage: String = "optimized") {
        self.init(optimized.graph, stage: stage)
        setOrigin(optimized, from: imported)
    }

    /// Says what the passes did on the way to this stage.
    public mutating func setOrigin(_ optimized: OptimizedGraph, from imported: Graph) {
        before = (imported, "imported")
        passes = optimized.statistics.map(PassSummary.init)
        rewrites = optimized.log.map(RewriteRecord.init)
    }

    public var document: GraphDocument {
        GraphDocument(graph, stage: stage, schedule: schedule, profile: profile, program: programName)
    }

    /// - Parameters:
    ///   - title: what the page is called.
    ///   - depth: for ``GraphFormat/dot``: scopes at this depth become one box; nil shows every node.
    public func text(as format: GraphFormat, title: String? = nil, foldedAt depth: Int? = nil) -> String {
        switch format {
        case .text: schedule?.text(graph, memory: memory) ?? graph.text
        case .json: document.json()
        case .dot: document.dot(foldedAt: depth)
        case .html: page(title: title).html()
        }
    }

    public func page(title: String? = nil) -> GraphPage {
        let subject = GraphSummary.Subject(before: before?.graph, after: graph, memory: memory, passes: passes)
        let earlier = before.map { GraphDocument($0.graph, stage: $0.stage) }
        return GraphPage(
            title: title ?? graph.name, graphs: [earlier, document].compactMap { $0 }, passes: passes, rewrites: rewrites, memory: memory,
            summary: GraphSummary([subject]))
    }
}
