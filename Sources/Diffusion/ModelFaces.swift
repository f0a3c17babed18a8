import GraphIR
import GraphPasses
import ModelImport
import Operators
import Tensors

/// What goes into a model's graphs and comes out of them. The rest of a graph is the file's own affair; these the pipeline relies on.
struct ModelFaces {
    let configuration: ModelConfiguration
    private let unet: Graph

    init(configuration: ModelConfiguration, unet: Graph) {
        self.configuration = configuration
        self.unet = unet
    }

    /// Checks all graphs, at the image size that the file was written with.
    ///
    /// - Throws: an ``InputError`` where one has other inputs or outputs than a run needs.
    init(checking graphs: [String: Graph], configuration: ModelConfiguration) throws {
        self.init(configuration: configuration, unet: graphs["unet"]!)
        let encoder = graphs["vae_encoder"]!
        let multiple = configuration.imageMultiple
        guard let image = encoder.input("image").map(encoder.type), image.shape.rank == 4, image.shape[2] > 0, image.shape[3] > 0,
            image.shape[2] % multiple == 0, image.shape[3] % multiple == 0
        else { throw InputError("has no image of a usable size for its input", at: "graph 'vae_encoder'") }
        for name in DeblurDiffArchitecture.graphNames {
            let graph = graphs[name]!
            try checkInputs(of: graph, name, height: image.shape[2], width: image.shape[3])
            try checkOutputs(of: graph, name, height: image.shape[2], width: image.shape[3])
        }
    }

    /// Checks what comes out of a graph at another size of the image.
    func checkOutputs(of graph: Graph, _ name: String, height: Int, width: Int) throws {
        for (output, type) in outputs(name, height, width) {
            guard let value = graph.output(output) else { throw InputError("has no output '\(output)'", at: "graph '\(name)'") }
            guard let type, graph.type(value) != type else { continue }
            throw InputError("puts out '\(output)' as \(graph.type(value)) where \(type) is needed", at: "graph '\(name)'")
        }
    }

    /// The same for a part of the autoencoder, whose input says the size, or for the text encoder.
    func checkOutputs(of graph: Graph, _ name: String, inputs: [String: TensorType]) throws {
        let (image, latent) = (inputs["image"]?.shape ?? [0, 0, 0, 0], inputs["latent"]?.shape ?? [0, 0, 0, 0])
        let factor = configuration.latentFactor
        try checkOutputs(of: graph, name, height: max(image[2], latent[2] * factor), width: max(image[3], latent[3] * factor))
    }

    private func checkInputs(of graph: Graph, _ name: String, height: Int, width: Int) throws {
        let expected = inputs(name, height, width)
        for id in graph.inputs {
            let (input, found) = (graph[id].name, graph.type(id))
            guard let type = expected[input] else { throw InputError("has an input '\(input)' that nothing is known of", at: "graph '\(name)'") }
            guard let type, found != type else { continue }
            throw InputError("takes '\(input)' as \(found) where \(type) is given", at: "graph '\(name)'")
        }
        // One that is missing is not read. That is no use, but no harm; but what is given must be taken.
        for input in expected.keys where graph.input(input) == nil { throw InputError("has no input '\(input)'", at: "graph '\(name)'") }
    }

    private func latent(_ height: Int, _ width: Int, channels: Int) -> TensorType {
        TensorType(.float32, [1, channels, height / configuration.latentFactor, width / configuration.latentFactor])
    }

    private var contextType: TensorType { TensorType(.float32, [1, configuration.textEncoder.contextLength, configuration.textEncoder.width]) }

    private var controlNames: [String] { unet.inputs.map { unet[$0].name }.filter { $0.hasPrefix("control") } }

    /// The types by name; nil where the graphs only have to agree with each other.
    private func inputs(_ name: String, _ height: Int, _ width: Int) -> [String: TensorType?] {
        let z = configuration.latentChannels
        func network(_ channels: Int) -> [String: TensorType?] {
            ["x": latent(height, width, channels: channels), "timestep": TensorType(.float32, [1]), "context": contextType]
        }
        return switch name {
        case "text_encoder": ["tokens": TensorType(.int32, [1, configuration.textEncoder.contextLength])]
        case "vae_encoder": ["image": TensorType(.float32, [1, configuration.autoencoder.inChannels, height, width])]
        case "vae_decoder": ["latent": latent(height, width, channels: z)]
        case "lkpn": network(2 * z)
        case "control_net": network(3 * z)
        case "eac": ["c_img": latent(height, width, channels: z), "kernel": kernelType(height, width)]
        default: network(z).merging(controlNames.map { ($0, nil) }) { $1 }
        }
    }

    private func kernelType(_ height: Int, _ width: Int) -> TensorType {
        latent(height, width, channels: configuration.latentChannels * configuration.kernelSize * configuration.kernelSize)
    }

    private func outputs(_ name: String, _ height: Int, _ width: Int) -> [(String, TensorType?)] {
        let z = configuration.latentChannels
        return switch name {
        case "text_encoder": [("context", contextType)]
        case "vae_encoder": [("moments", latent(height, width, channels: 2 * z))]
        case "vae_decoder": [("image", TensorType(.float32, [1, configuration.autoencoder.outChannels, height, width]))]
        case "lkpn": [("kernel", kernelType(height, width))]
        case "control_net": controlNames.map { ($0, nil) }
        case "eac": [("eac", latent(height, width, channels: z))]
        default: [("eps", latent(height, width, channels: z))]
        }
    }
}
