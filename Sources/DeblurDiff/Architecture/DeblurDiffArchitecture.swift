import Files
import GraphIR
import Operators
import Tensors

/// The graphs of a model, as its system's paper has them: one a network, and for a DeblurDiff one for the adaptive convolution.
public enum DeblurDiffArchitecture {
    /// The names of the graphs, in the order in which a run uses them.
    public static func graphNames(_ system: RestorationSystem = .released) -> [String] {
        ["text_encoder", "vae_encoder"] + system.design.ownGraphs + ["control_net", "unet", "vae_decoder"]
    }

    /// All graphs for images of a size in pixels, a multiple of ``ModelConfiguration/imageMultiple``.
    public static func graphs(_ configuration: ModelConfiguration, height: Int = 512, width: Int = 512) throws -> [String: Graph] {
        let names = graphNames(configuration.system)
        return try Dictionary(uniqueKeysWithValues: names.map { ($0, try graph($0, configuration, height: height, width: width)) })
    }

    /// One of them.
    static func graph(_ name: String, _ configuration: ModelConfiguration, height: Int = 512, width: Int = 512) throws -> Graph {
        let multiple = configuration.imageMultiple
        let (height, width) = ((height + multiple - 1) / multiple * multiple, (width + multiple - 1) / multiple * multiple)
        let (h, w) = (height / configuration.latentFactor, width / configuration.latentFactor)
        return switch name {
        case "text_encoder": try textEncoder(configuration)
        case "vae_encoder": try encoder(configuration, height: height, width: width)
        case "vae_decoder": try decoder(configuration, h: h, w: w)
        case "control_net": try controlNet(configuration, h: h, w: w)
        case "unet": try unet(configuration, h: h, w: w)
        default: try configuration.system.design.graph(name, configuration, h: h, w: w)
        }
    }

    /// The shapes of all parameters that the networks have, also of those that no graph reads (the text encoder's last layer).
    public static func parameterShapes(_ graphs: [String: Graph]) -> [String: Shape] {
        var shapes: [String: Shape] = [:]
        for graph in graphs.values { for id in graph.parameters { shapes[graph[id].name] = graph.type(id).shape } }
        return shapes
    }

    private static func contextType(_ configuration: ModelConfiguration) -> TensorType {
        TensorType(.float32, [1, configuration.textEncoder.contextLength, configuration.textEncoder.width])
    }

    /// `tokens` i32[1, T] to `context` [1, T, width].
    static func textEncoder(_ configuration: ModelConfiguration) throws -> Graph {
        var b = NetworkBuilder(name: "text_encoder", prefix: "clip.model.")
        let tokens = b.graph.input("tokens", TensorType(.int32, [1, configuration.textEncoder.contextLength]))
        let context = try TextEncoderArchitecture(configuration: configuration.textEncoder).encoder(&b, tokens)
        b.graph.output("context", context)
        return b.graph.graph
    }

    /// `image` [1, 3, H, W] to `moments` [1, 2 z, h, w].
    static func encoder(_ configuration: ModelConfiguration, height: Int, width: Int) throws -> Graph {
        var b = NetworkBuilder(name: "vae_encoder", prefix: "vae.")
        let image = b.graph.input("image", TensorType(.float32, [1, configuration.autoencoder.inChannels, height, width]))
        b.graph.output("moments", try AutoencoderArchitecture(configuration: configuration.autoencoder).encoder(&b, image))
        return b.graph.graph
    }

    /// `latent` [1, z, h, w], already divided by the scale factor, to `image` [1, 3, H, W] in about -1...1.
    static func decoder(_ configuration: ModelConfiguration, h: Int, w: Int) throws -> Graph {
        var b = NetworkBuilder(name: "vae_decoder", prefix: "vae.")
        let latent = b.graph.input("latent", TensorType(.float32, [1, configuration.latentChannels, h, w]))
        b.graph.output("image", try AutoencoderArchitecture(configuration: configuration.autoencoder).decoder(&b, latent))
        return b.graph.graph
    }

    /// `x` = noisy latent and what the system has beside it, [1, 3 z, h, w] for a DeblurDiff, or `x` [1, z, h, w] and the photograph `hint` [1, 3, H, W], to `control0` ... .
    static func controlNet(_ configuration: ModelConfiguration, h: Int, w: Int) throws -> Graph {
        var b = NetworkBuilder(name: "control_net", prefix: "controlnet.")
        let (network, design) = (configuration.controlNet, configuration.system.design)
        let readsPixels = design.condition == .pixels
        let (x, timestep, context) = inputs(&b, configuration, readsPixels ? network.inChannels : network.inputChannels, h, w)
        let factor = configuration.latentFactor
        let hint = readsPixels ? b.graph.input("hint", TensorType(.float32, [1, network.hintChannels, h * factor, w * factor])) : nil
        let unet = UNetArchitecture(configuration: network, windowSize: design.windows?.controlNet)
        for (index, control) in try unet.controls(&b, x, hint: hint, timestep: timestep, context: context).enumerated() {
            b.graph.output("control\(index)", control)
        }
        return b.graph.graph
    }

    /// `x` = noisy latent [1, z, h, w], `timestep`, `context`, `control0` ... to `eps` [1, z, h, w].
    static func unet(_ configuration: ModelConfiguration, h: Int, w: Int) throws -> Graph {
        let controlNet = try controlNet(configuration, h: h, w: w)
        var b = NetworkBuilder(name: "unet", prefix: "unet.")
        let (x, timestep, context) = inputs(&b, configuration, configuration.unet.inputChannels, h, w)
        let controls = controlNet.outputs.map { b.graph.input($0.name, controlNet.type($0.value)) }
        let expected = UNetArchitecture.controlCount(configuration.unet)
        guard controls.count == expected else {
            throw InputError(
                "the control network has \(controls.count) outputs where the UNet takes \(expected)",
                advice: "Give both the same channel_mult and num_res_blocks.")
        }
        let unet = UNetArchitecture(configuration: configuration.unet, windowSize: configuration.system.design.windows?.denoiser)
        b.graph.output("eps", try unet.denoiser(&b, x, timestep: timestep, context: context, controls: controls))
        return b.graph.graph
    }

    static func inputs(_ b: inout NetworkBuilder, _ configuration: ModelConfiguration, _ channels: Int, _ h: Int, _ w: Int)
        -> (x: ValueID, timestep: ValueID, context: ValueID)
    {
        (
            b.graph.input("x", TensorType(.float32, [1, channels, h, w])),
            b.graph.input("timestep", TensorType(.float32, [1])),
            b.graph.input("context", contextType(configuration))
        )
    }
}
