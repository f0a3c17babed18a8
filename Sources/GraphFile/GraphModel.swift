import Files
import GraphIR
import GraphPasses
import GraphRuntime
import Operators
import Tensors

/// Something whose graphs can be looked at, at every stage.
public protocol StagedModel {
    var file: ModelFile { get }
    var graphNames: [String] { get }
    var parameters: ParameterStore { get }
    var options: RuntimeOptions { get }
    var optimization: OptimizationOptions { get }

    /// The stages of a graph, for images of a size in pixels where that decides.
    func stages(of name: String, height: Int, width: Int) throws -> GraphStages

    /// The graph as it is after a pass has run for the first time.
    func graph(_ name: String, after pass: String, height: Int, width: Int) throws -> Graph
}

extension StagedModel {
    /// The parameters as the file stores them.
    public var storedParameters: any ParameterSource { ModelFileParameters(file: file) }

    /// The stages of a graph's gradient with respect to one of its inputs; without, of the graph.
    public func stages(of name: String, gradient input: String?, height: Int, width: Int) throws -> GraphStages {
        let stages = try stages(of: name, height: height, width: width)
        guard let input else { return stages }
        let imported = try Gradient.graph(of: stages.imported, withRespectTo: input)
        let result = try optimize(imported, level: optimization.level, options: optimization.pipeline)
        return GraphStages(imported: imported, optimized: result.graph, statistics: result.statistics, log: result.log)
    }

    /// How one of the stages will run, to look at.
    ///
    /// - Parameter arenaLimit: bytes that its arena may take; a graph that would take more runs strip by strip.
    public func plan(_ graph: Graph, arenaLimit: Int? = nil) throws -> ProgramPlan {
        var options = options
        options.chooser.tunes = false
        if let arenaLimit { options.arenaLimit = arenaLimit }
        return try ProgramPlan(graph, parameters: parameters, options: options)
    }

    /// A program for one of the stages.
    public func program(_ graph: Graph, arenaLimit: Int? = nil) throws -> Program {
        var options = options
        if let arenaLimit { options.arenaLimit = arenaLimit }
        return try Program(graph, parameters: parameters, options: options)
    }
}

/// Graphs of any kind from a model file. Their sizes are those that they were converted with.
public final class GraphModel: StagedModel, Sendable {
    public let file: ModelFile
    public let graphs: [String: Graph]
    public let parameters: ParameterStore
    public let options: RuntimeOptions
    public let optimization: OptimizationOptions

    /// - `ops`: those that the graphs may have.
    public init(
        file: ModelFile, options: RuntimeOptions = RuntimeOptions(), optimization: OptimizationOptions = OptimizationOptions(), ops: OpRegistry = .standard
    ) throws {
        guard optimization.without.isEmpty else { throw InputError("only a DeblurDiff has parts that can be left out", at: file.path) }
        self.file = file
        self.options = options
        self.optimization = optimization
        graphs = try file.allGraphs(ops: ops)
        parameters = ParameterStore(source: ModelFileParameters(file: file), pool: options.pool)
    }

    public var graphNames: [String] { graphs.keys.sorted() }

    public func graph(_ name: String) throws -> Graph {
        guard let graph = graphs[name] else {
            throw InputError("there is no graph '\(name)'", at: file.path, advice: "The graphs are: " + graphNames.joined(separator: ", "))
        }
        return graph
    }

    public func stages(of name: String, height: Int, width: Int) throws -> GraphStages {
        let imported = try graph(name)
        let result = try optimize(imported, level: optimization.level, options: optimization.pipeline)
        return GraphStages(imported: imported, optimized: result.graph, statistics: result.statistics, log: result.log)
    }

    public func graph(_ name: String, after pass: String, height: Int, width: Int) throws -> Graph {
        let imported = try graph(name)
        return try PassSnapshot.take(after: pass, of: name, optimization) { options in
            _ = try optimize(imported, level: optimization.level, options: options)
        }
    }
}

public enum PassSnapshot {
    /// The graph as a pass first leaves it, while `body` optimises with the options that it is given.
    public static func take(
        after pass: String, of name: String, _ optimization: OptimizationOptions, _ body: (PipelineOptions) throws -> Void
    ) throws -> Graph {
        final class Box: Sendable { let graph = Locked<Graph?>(nil) }
        try PassRegistry.check([pass], or: optimization.pipeline.addedPasses)
        let box = Box()
        var options = optimization.pipeline
        options.observer = { report, graph in if report.pass == pass { box.graph.withLock { $0 = $0 ?? graph } } }
        try body(options)
        guard let graph = box.graph.withLock({ $0 }) else {
            throw InputError("the pass '\(pass)' does not run on '\(name)' at -O\(optimization.level.rawValue)")
        }
        return graph
    }
}
