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
    public let workspace = Workspace()

    public var configuration: ModelConfiguration { file.configuration }

    public init(path: String, options: RuntimeOptions) throws {
        file = try ModelFile(path: path)
        self.options = options
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

    /// What makes a program different from another.
    struct ProgramKey: Hashable {
        var graph: String
        var inputs: [String: TensorType]
        var outputs: [String]
        var strength: Float
    }

    private var programs: [ProgramKey: Program] = [:]

    /// A program for some outputs of one of the model's graphs.
    func program(_ name: String, inputs: [String: TensorType]) throws -> Program {
        let graph = try graphs[name]!.specialized(inputs)
        return try program(ProgramKey(graph: name, inputs: inputs, outputs: graph.outputs.map(\.name), strength: 1)) { graph }
    }

    /// The program of one denoising step on latents of a size; see ``DenoisingStep``.
    func stepProgram(height: Int, width: Int, strength: Float, outputs: Set<String>) throws -> Program {
        let latent = TensorType(.float32, [1, configuration.latentChannels, height, width])
        let key = ProgramKey(graph: "step", inputs: ["z": latent], outputs: outputs.sorted(), strength: strength)
        return try program(key) {
            try DenoisingStep.graph(graphs, latent: latent, strength: strength, outputs: outputs)
        }
    }

    private func program(_ key: ProgramKey, _ makeGraph: () throws -> Graph) throws -> Program {
        if let program = programs[key] { return program }
        let program = try Program(makeGraph(), parameters: parameters, options: options)
        programs[key] = program
        return program
    }

    /// Forgets programs, and with them the arrangements of weights that only they held.
    func forgetPrograms(_ isForgotten: (ProgramKey) -> Bool) { programs = programs.filter { !isForgotten($0.key) } }
}

/// Parameters read from a model file.
struct ModelFileParameters: ParameterSource {
    let file: ModelFile

    func parameter(_ key: String) throws -> Tensor { try file.tensor(key) }

    func releasePages(_ key: String) { file.releasePages(of: key) }
}
