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

    public var configuration: ModelConfiguration { file.configuration }

    public init(path: String, options: RuntimeOptions, optimization: OptimizationOptions = OptimizationOptions()) throws {
        file = try ModelFile(path: path)
        self.options = options
        self.optimization = optimization
        graphs = try DeblurDiffModel.graphs(in: file)
        parameters = ParameterStore(source: ModelFileParameters(file: file), pool: options.pool)
    }

    /// Reads the graphs of a model file and checks that the file's tensors are those that they name.
    public static func graphs(in file: ModelFile) throws -> [String: Graph] {
        var graphs: [String: Graph] = [:]
        for (name, text) in file.graphs {
            do {
                let graph = try GraphParser.parse(text, registry: .standard)
                for id in graph.parameters {
                    let (key, type) = (graph[id].name, graph.type(id))
                    guard let stored = file.type(of: key) else { throw InputError("the graph reads '\(key)', which the file does not hold") }
                    guard stored.shape == type.shape, stored.elementType.isFloatingPoint else {
                        throw InputError("the graph reads '\(key)' as \(type), but the file holds \(stored)")
                    }
                }
                graphs[name] = graph
            } catch let error as InputError {
                throw error.at("\(file.path): graph '\(name)'")
            }
        }
        for name in DeblurDiffArchitecture.graphNames where graphs[name] == nil {
            throw InputError("the model has no graph '\(name)'", at: file.path, advice: "Convert the checkpoint again.")
        }
        return graphs
    }

    /// One of the model's graphs for inputs of these types, optimised as asked for.
    public func optimized(_ name: String, inputs: [String: TensorType]) throws -> OptimizedGraph {
        try optimize(graphs[name]!.specialized(inputs), level: optimization.level, options: optimization.pipeline)
    }

    /// The denoising step for latents of a size, optimised as asked for and cut by how often its parts must run.
    public func optimizedStep(height: Int, width: Int, strength: Float = 1, outputs: Set<String> = ["eps"]) throws -> OptimizedStep {
        let latent = TensorType(.float32, [1, configuration.latentChannels, height, width])
        let graph = try DenoisingStep.graph(graphs, latent: latent, strength: strength, outputs: outputs)
        return try optimizeStep(graph, level: optimization.level, options: optimization.pipeline)
    }

    private struct ProgramKey: Hashable {
        var graph: String
        var inputs: [String: TensorType]
    }

    private var programs: [ProgramKey: Program] = [:]

    /// A program for one of the model's graphs, made at its first use.
    func program(_ name: String, inputs: [String: TensorType]) throws -> Program {
        let key = ProgramKey(graph: name, inputs: inputs)
        if let program = programs[key] { return program }
        let program = try Program(optimized(name, inputs: inputs).graph, parameters: parameters, options: options)
        programs[key] = program
        return program
    }

    /// Forgets the programs of a graph, and with them the arrangements of weights that only they held.
    func forgetPrograms(_ name: String) { programs = programs.filter { $0.key.graph != name } }
}

/// How graphs are optimised before they run.
public struct OptimizationOptions: Sendable {
    public var level = OptimizationLevel.standard
    public var pipeline = PipelineOptions()

    public init() {}
}

/// Parameters read from a model file.
struct ModelFileParameters: ParameterSource {
    let file: ModelFile

    func parameter(_ key: String) throws -> Tensor { try file.tensor(key) }

    func releasePages(_ key: String) { file.releasePages(of: key) }
}
