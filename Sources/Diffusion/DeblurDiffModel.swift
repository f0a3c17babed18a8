import Foundation
import GraphIR
import GraphPasses
import GraphRuntime
import ModelFile
import ModelImport
import Operators
import Tensors

/// A converted model, opened: its graphs, and programs made from them for the sizes that are asked for.
public final class DeblurDiffModel: @unchecked Sendable {
    public let file: ModelFile
    /// The imported graphs by name, for the size that the file was written with.
    public let graphs: [String: Graph]
    public let parameters: ParameterStore
    public let options: RuntimeOptions
    public let optimization: OptimizationOptions
    public let workspace = Workspace()
    /// Asked for an observer of each program that is about to run; for profiles.
    public var observation: ((_ program: Program, _ name: String) -> (Program.StepReport) throws -> Void)?

    public let configuration: ModelConfiguration

    public convenience init(path: String, options: RuntimeOptions, optimization: OptimizationOptions = OptimizationOptions()) throws {
        try self.init(file: ModelFile(path: path), options: options, optimization: optimization)
    }

    public init(file: ModelFile, options: RuntimeOptions, optimization: OptimizationOptions = OptimizationOptions()) throws {
        self.file = file
        self.options = options
        self.optimization = optimization
        configuration = try DeblurDiffModel.configuration(of: file)
        graphs = try DeblurDiffModel.graphs(in: file)
        parameters = ParameterStore(source: ModelFileParameters(file: file), pool: options.pool, arranges: options.arrangesWeights)
    }

    private static func configuration(of file: ModelFile) throws -> ModelConfiguration {
        guard let configuration = file.configuration else {
            let names = file.importedGraphNames.map { "'\($0)'" }.joined(separator: ", ")
            throw InputError(
                "holds no DeblurDiff, but the graph\(file.importedGraphNames.count == 1 ? "" : "s") \(names)", at: file.path,
                advice: "'deblurdiff execute' runs graphs of any kind.")
        }
        return configuration
    }

    /// Reads the graphs of a model file and checks that they are DeblurDiff's, and that the file's tensors are those that they name.
    public static func graphs(in file: ModelFile) throws -> [String: Graph] {
        let configuration = try configuration(of: file)
        let graphs = try file.importedGraphs()
        for name in DeblurDiffArchitecture.graphNames where graphs[name] == nil {
            throw InputError("the model has no graph '\(name)'", at: file.path, advice: "Convert the checkpoint again.")
        }
        do { _ = try ModelFaces(checking: graphs, configuration: configuration) } catch let error as InputError { throw error.at(file.path) }
        return graphs
    }

    /// One of the model's graphs for inputs of these types, optimised as asked for.
    public func optimized(_ name: String, inputs: [String: TensorType]) throws -> Graph {
        if let stored = try storedOptimized(name), stored.inputs.allSatisfy({ inputs[stored[$0].name] == stored.type($0) }) {
            try faces.checkOutputs(of: stored, name, inputs: inputs)
            return stored
        }
        let key = ProgramKey(graph: name, inputs: inputs)
        if let known = optimizedGraphs[key] { return known }
        let graph = try graphs[name]!.specialized(inputs)
        try faces.checkOutputs(of: graph, name, inputs: inputs)
        let result = try optimize(graph, level: optimization.level, options: optimization.pipeline).graph
        optimizedGraphs[key] = result
        return result
    }

    /// The denoising step for latents of a size, optimised as asked for and cut by how often its parts must run.
    ///
    /// - Parameter outputs: what a step is to put out; without, its result alone.
    public func optimizedStep(height: Int, width: Int, strength: Float = 1, outputs: Set<String>? = nil) throws -> StagedGraphs {
        let latent = TensorType(.float32, [1, configuration.latentChannels, height, width])
        if strength == 1, outputs == nil, let step = try storedOptimized("step"), step.input("z").map(step.type) == latent,
            step.output(stepResult).map(step.type) == latent,
            let prologue = try storedOptimized("prologue"), let timeTable = try storedOptimized("time_table")
        {
            return StagedGraphs(
                prologue: prologue, timeTable: timeTable, step: step, prologueValues: prologue.outputs.map(\.name),
                timeTableValues: timeTable.outputs.map(\.name))
        }
        let key = StepKey(latent: latent, strength: strength, outputs: outputs)
        if let last = lastStep, last.key == key { return last.graphs }
        let graph = try stepGraph(latent: latent, strength: strength, outputs: outputs)
        let result = try optimizeStep(graph, level: optimization.level, options: optimization.pipeline).graphs
        lastStep = (key, result)
        return result
    }

    private struct StepKey: Hashable {
        var latent: TensorType
        var strength: Float
        var outputs: Set<String>?
    }

    private var lastStep: (key: StepKey, graphs: StagedGraphs)?

    /// The denoising step as it is imported.
    func stepGraph(latent: TensorType, strength: Float = 1, outputs: Set<String>? = nil) throws -> Graph {
        try DenoisingStep.graph(
            graphs, latent: latent, parameterization: configuration.parameterization, strength: strength, outputs: outputs)
    }

    /// The output of a step from which the sampler goes on.
    var stepResult: String { DenoisingStep.result(configuration.parameterization) }

    /// The optimised graph that the file holds, if it is what the passes would make as they are asked for.
    private func storedOptimized(_ name: String) throws -> Graph? {
        guard optimization.isStandard, file.graphs[ModelFile.optimizedPrefix + name] != nil else { return nil }
        if let graph = storedGraphs[name] { return graph }
        let graph = try file.graph(ModelFile.optimizedPrefix + name)
        storedGraphs[name] = graph
        return graph
    }

    private var storedGraphs: [String: Graph] = [:]
    private var faces: ModelFaces { ModelFaces(configuration: configuration, unet: graphs["unet"]!) }

    /// The optimised graphs to store beside the imported ones: for the size that these are for, at the standard level.
    public static func optimizedGraphs(_ graphs: [String: Graph], parameterization: Parameterization) throws -> [String: Graph] {
        var result: [String: Graph] = [:]
        for name in ["text_encoder", "vae_encoder", "vae_decoder"] { result[ModelFile.optimizedPrefix + name] = try optimize(graphs[name]!).graph }
        let unet = graphs["unet"]!
        let latent = unet.type(unet.input("x")!)
        let step = try optimizeStep(DenoisingStep.graph(graphs, latent: latent, parameterization: parameterization)).graphs
        result[ModelFile.optimizedPrefix + "step"] = step.step
        result[ModelFile.optimizedPrefix + "prologue"] = step.prologue
        result[ModelFile.optimizedPrefix + "time_table"] = step.timeTable
        return result
    }

    private struct ProgramKey: Hashable {
        var graph: String
        var inputs: [String: TensorType]
    }

    private var programs: [ProgramKey: Program] = [:]
    /// As the passes left them: planned first, then made into programs.
    private var optimizedGraphs: [ProgramKey: Graph] = [:]

    /// A program for one of the model's graphs, made at its first use.
    func program(_ name: String, inputs: [String: TensorType]) throws -> Program {
        let key = ProgramKey(graph: name, inputs: inputs)
        if let program = programs[key] { return program }
        let program = try Program(optimized(name, inputs: inputs), parameters: parameters, options: options)
        programs[key] = program
        return program
    }

    /// - Parameter progress: told the share of the program's operations that is done.
    func run(_ program: Program, named name: String, _ inputs: [String: Tensor], progress: ((Double) -> Void)? = nil) throws -> [String: Tensor] {
        let observer = observation?(program, name)
        guard let progress else { return try program.run(inputs, in: workspace, observer: observer) }
        let graph = program.graph
        let total = Double(max(graph.floatingPointOperations, 1))
        var done = 0
        return try program.run(inputs, in: workspace) { report in
            try observer?(report)
            let node = graph[report.step.node]
            done += node.op.floatingPointOperations(operands: graph.operandTypes(node), results: graph.resultTypes(node))
            progress(Double(done) / total)
        }
    }

    /// Forgets the programs of a graph, and with them the arrangements of weights that only they held.
    func forgetPrograms(_ name: String) {
        programs = programs.filter { $0.key.graph != name }
        optimizedGraphs = optimizedGraphs.filter { $0.key.graph != name }
    }
}

/// How graphs are optimised before they run.
public struct OptimizationOptions: Sendable {
    public var level = OptimizationLevel.standard
    public var pipeline = PipelineOptions()

    public init() {}

    /// Whether this is what a model file's own optimised graphs were made with.
    var isStandard: Bool { level == .standard && pipeline.disabledPasses.isEmpty && pipeline.stopAfter == nil && !pipeline.verifies }
}

/// Parameters read from a model file.
public struct ModelFileParameters: ParameterSource {
    let file: ModelFile

    public init(file: ModelFile) { self.file = file }

    public func parameter(_ key: String) throws -> Tensor { try file.tensor(key) }

    public func releasePages(_ key: String) { file.releasePages(of: key) }
}
