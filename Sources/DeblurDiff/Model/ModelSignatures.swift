import Files
import GraphIR
import GraphPasses
import Tensors

/// What goes into a model's graphs and comes out of them, as the architecture has it. The rest of a graph is the file's own affair; on this the pipeline relies.
enum ModelSignatures {
    /// Checks all graphs, at the image size that the file was written with.
    ///
    /// - Throws: an `InputError` where one has other inputs or outputs than the architecture.
    static func check(_ graphs: [String: Graph], _ configuration: ModelConfiguration) throws {
        let encoder = graphs["vae_encoder"]!
        let multiple = configuration.imageMultiple
        guard let image = encoder.input("image").map(encoder.type), image.shape.rank == 4, image.shape[2] > 0, image.shape[3] > 0,
            image.shape[2] % multiple == 0, image.shape[3] % multiple == 0
        else { throw InputError("has no image of a usable size for its input", at: "graph 'vae_encoder'") }
        let references = try DeblurDiffArchitecture.graphs(shallow(configuration), height: image.shape[2], width: image.shape[3])
        for name in DeblurDiffArchitecture.graphNames(configuration.system) {
            try checkInputs(graphs[name]!, as: references[name]!, name)
            try checkOutputs(graphs[name]!, as: references[name]!, name)
        }
    }

    /// Checks what comes out of a graph that was specialised to other inputs.
    static func checkOutputs(of graph: Graph, _ name: String, configuration: ModelConfiguration) throws {
        let inputs = Dictionary(uniqueKeysWithValues: graph.inputs.map { (graph[$0].name, graph.type($0)) })
        try checkOutputs(graph, as: DeblurDiffArchitecture.graph(name, shallow(configuration)).specialized(inputs), name)
    }

    /// With the same inputs and outputs, and no more inside than those need.
    private static func shallow(_ configuration: ModelConfiguration) -> ModelConfiguration {
        var result = configuration
        result.unet.transformerDepth = 1
        result.controlNet.transformerDepth = 1
        result.lkpn?.transformerDepth = 1
        result.textEncoder.layers = min(configuration.textEncoder.layers, 2)
        return result
    }

    private static func checkOutputs(_ graph: Graph, as reference: Graph, _ name: String) throws {
        for output in reference.outputs {
            let type = reference.type(output.value)
            guard let value = graph.output(output.name) else { throw InputError("has no output '\(output.name)'", at: "graph '\(name)'") }
            guard graph.type(value) != type else { continue }
            throw InputError("puts out '\(output.name)' as \(graph.type(value)) where \(type) is needed", at: "graph '\(name)'")
        }
    }

    private static func checkInputs(_ graph: Graph, as reference: Graph, _ name: String) throws {
        for id in graph.inputs {
            let (input, found) = (graph[id].name, graph.type(id))
            guard let expected = reference.input(input) else {
                throw InputError("has an input '\(input)' that nothing is known of", at: "graph '\(name)'")
            }
            let type = reference.type(expected)
            guard found != type else { continue }
            throw InputError("takes '\(input)' as \(found) where \(type) is given", at: "graph '\(name)'")
        }
        // One that is missing is not read. That is no use, but no harm; but what is given must be taken.
        for id in reference.inputs where graph.input(reference[id].name) == nil {
            throw InputError("has no input '\(reference[id].name)'", at: "graph '\(name)'")
        }
    }
}
