import Files
import Foundation
import GraphIR
import Tensors

/// Passes in an order that respects what each says of its place, run again and again until none changes anything.
public struct Pipeline: Sendable {
    public let passes: [any Pass]
    /// As ``init(settling:_:finishing:)`` takes them.
    private let groups: [[any Pass]]
    /// Passes that run together until they come to rest, one phase after the other.
    private let phases: [Range<Int>]

    /// - `settling`: passes that come to rest before the others run, and run on with them: what those do, these cannot read any more.
    /// - `finishing`: passes that run when all others have come to rest: what these do, the others cannot read any more.
    /// - Throws: where a pass stands before one that it must follow, or twice.
    public init(settling: [any Pass] = [], _ passes: [any Pass], finishing: [any Pass] = []) throws {
        let main = settling.count + passes.count
        groups = [settling, passes, finishing]
        phases = [0..<settling.count, 0..<main, main..<main + finishing.count].filter { !$0.isEmpty }
        let passes = settling + passes + finishing
        for (index, pass) in passes.enumerated() {
            for later in passes[(index + 1)...] {
                guard type(of: later).name != pass.name else { throw InputError("the pass '\(pass.name)' stands twice in the pipeline") }
                guard !type(of: pass).runsAfter.contains(where: { $0 == type(of: later) }) else {
                    throw InputError("the pass '\(pass.name)' stands before '\(later.name)', which it must follow")
                }
            }
        }
        self.passes = passes
    }

    /// The pipeline with another pass, behind the last of those that it must follow (``Pass/runsAfter``), or in front of all.
    ///
    /// - Throws: an `InputError` where one of its name is there.
    public func adding(_ pass: any Pass) throws -> Pipeline {
        var groups = groups
        let place = passes.lastIndex { earlier in type(of: pass).runsAfter.contains { $0 == type(of: earlier) } }.map { $0 + 1 } ?? 0
        var (group, index) = (0, place)
        while index > groups[group].count { (group, index) = (group + 1, index - groups[group].count) }
        groups[group].insert(pass, at: index)
        return try Pipeline(settling: groups[0], groups[1], finishing: groups[2])
    }

    /// More rounds than any graph takes: two passes that undo each other would need them all.
    private static let roundLimit = 20

    public func run(_ graph: Graph, options: PipelineOptions = PipelineOptions()) throws -> OptimizedGraph {
        try PassRegistry.check(options.disabledPasses, or: passes)
        var editor = GraphEditor(graph)
        var result = OptimizedGraph(graph: graph, statistics: passes.map { PassStatistics(pass: $0.name) }, log: [])
        var round = 0
        var phase = phases[...]
        while let active = phase.first {
            var changed = false
            round += 1
            guard round <= Pipeline.roundLimit else {
                throw InputError(
                    "the passes do not come to rest on '\(graph.name)'", advice: "Find the pass that goes on by leaving out others.")
            }
            for index in active where !options.disabledPasses.contains(passes[index].name) {
                let pass = passes[index]
                let nodesBefore = editor.graph.order.count
                var recorder = RewriteRecorder(pass: pass.name, log: result.log, limit: options.stopAfter ?? .max)
                result.log = []  // so that the recorder holds the only copy
                let start = DispatchTime.now().uptimeNanoseconds
                let passChanged = try pass.run(&editor, &recorder)
                let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
                precondition(passChanged == (recorder.rewriteCount > 0), "\(pass.name) does not say truly whether it changed the graph")
                result.log = recorder.log
                let report = PassReport(
                    pass: pass.name, round: round, matches: recorder.matchCount, rewrites: recorder.rewriteCount, nodesBefore: nodesBefore,
                    nodesAfter: editor.graph.order.count, seconds: seconds)
                result.statistics[index].add(report)
                if passChanged, options.verifies { try verify(editor.graph, graph, after: pass.name) }
                try options.observer?(report, editor.graph)
                changed = changed || passChanged
            }
            if !changed { phase = phase.dropFirst() }
        }
        result.graph = editor.graph
        return result
    }

    /// Checks the claims of the verifier, and that the graph's signature is what it was.
    private func verify(_ graph: Graph, _ original: Graph, after pass: String) throws {
        do {
            try Verifier.verify(graph)
            guard Pipeline.signature(graph) == Pipeline.signature(original) else { throw InputError("inputs or outputs changed their names or types") }
        } catch let error as InputError {
            throw error.at("after \(pass)")
        }
    }

    /// Names and types of inputs and outputs.
    private static func signature(_ graph: Graph) -> [[String]] {
        [graph.inputs.map { "\(graph[$0].name): \(graph.type($0))" }, graph.outputs.map { "\($0.name): \(graph.type($0.value))" }]
    }
}

/// How a pipeline runs.
public struct PipelineOptions: Sendable {
    /// Passes that run beside the standard ones, each behind those that it must follow; not at level O0.
    public var addedPasses: [any Pass]
    /// Passes that are left out, by name.
    public var disabledPasses: Set<String>
    /// Stop after so many rewrites, to find by halving the one that makes a result wrong.
    public var stopAfter: Int?
    /// Whether to check the graph after each pass that changes it.
    public var verifies: Bool
    /// Told after each pass, with the graph as it then is.
    public var observer: (@Sendable (PassReport, Graph) throws -> Void)?

    public init(
        disabledPasses: Set<String> = [], stopAfter: Int? = nil, verifies: Bool = false, addedPasses: [any Pass] = [],
        observer: (@Sendable (PassReport, Graph) throws -> Void)? = nil
    ) {
        self.addedPasses = addedPasses
        self.disabledPasses = disabledPasses
        self.stopAfter = stopAfter
        self.verifies = verifies
        self.observer = observer
    }
}

/// One run of one pass.
public struct PassReport: Hashable, Codable, Sendable {
    public var pass: String
    /// Counted from 1: how often the pipeline has begun anew.
    public var round: Int
    /// Places that the pass looked at.
    public var matches: Int
    public var rewrites: Int
    public var nodesBefore: Int
    public var nodesAfter: Int
    public var seconds: Double
}

/// All runs of one pass.
public struct PassStatistics: Hashable, Codable, Sendable {
    public var pass: String
    public var runs = 0
    public var matches = 0
    public var rewrites = 0
    /// Nodes less than there were, over all runs.
    public var nodesRemoved = 0
    public var seconds = 0.0

    mutating func add(_ report: PassReport) {
        runs += 1
        matches += report.matches
        rewrites += report.rewrites
        nodesRemoved += report.nodesBefore - report.nodesAfter
        seconds += report.seconds
    }
}

/// What a pipeline makes of a graph.
public struct OptimizedGraph: Sendable {
    public var graph: Graph
    /// In the order of the pipeline.
    public var statistics: [PassStatistics]
    public var log: [Rewrite]
}
