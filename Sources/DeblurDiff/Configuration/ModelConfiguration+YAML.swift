import Files
import Tensors
import Yams

extension ModelConfiguration {
    /// Reads the released form of a config: `params`, with `unet_cfg`, `controlnet_cfg`, `vae_cfg` and `clip_cfg` in it, and optional fields of the
    /// project's own:
    ///
    /// - `lkpn_cfg`: the released code hard-codes the sizes of that network, which are the defaults here.
    /// - `default_steps`: the sampler's steps where a run does not say.
    /// - `parameterization`: `eps` (the default) or `residual`, see ``Parameterization``.
    /// - `color_correction`: `statistics` (the default) or `none`, see ``ColorCorrection``.
    /// - `normalization` of each network: `group` (the default) or `position`, see ``Normalization``.
    /// - `transform.block` of `vae_cfg`, in place of `ddconfig`: see ``AutoencoderConfiguration/transformBlock``.
    ///
    /// Fields that nothing depends on are ignored; a missing field, one of the wrong type, and options of the released code that change the network
    /// in a way that is not supported are an `InputError` that names the field.
    ///
    /// - `warn`: told what the released program would do otherwise.
    public init(yaml: String, warn: (String) -> Void = { _ in }) throws {
        try refuseDeepNesting(yaml)
        // Nodes are read as they are: building objects from them would expand aliases of aliases without bound.
        let document: Node?
        do {
            document = try Yams.compose(yaml: yaml)
        } catch {
            throw InputError("is not valid YAML: \(firstLine(of: "\(error)"))")
        }
        guard let document, document.mapping != nil else {
            throw InputError(
                "is no model config: a mapping with 'params' is expected", advice: "Pass the YAML file that the checkpoint was trained with.")
        }
        let root = Section(node: document, path: "")
        let parameters = root.contains("params") ? try root.section("params") : root

        let autoencoder = try AutoencoderConfiguration(parameters.section("vae_cfg"))
        let unet = try UNetConfiguration(denoiser: parameters.section("unet_cfg"))
        let textEncoder = try TextEncoderConfiguration(parameters.section("clip_cfg"))
        let lkpn = parameters.contains("lkpn_cfg") ? try parameters.section("lkpn_cfg") : nil
        let kernelSize = try lkpn?.int("kernel_size", default: 5) ?? 5
        self.init(
            unet: unet,
            controlNet: try UNetConfiguration(controlNet: parameters.section("controlnet_cfg")),
            lkpn: try UNetConfiguration(lkpn: lkpn, latentChannels: autoencoder.embedDimension, kernelSize: kernelSize),
            kernelSize: kernelSize,
            autoencoder: autoencoder,
            textEncoder: textEncoder,
            latentScaleFactor: try parameters.double("latent_scale_factor"),
            defaultSteps: try parameters.contains("default_steps") ? parameters.int("default_steps") : nil,
            parameterization: try parameters.option("parameterization"), colorCorrection: try parameters.option("color_correction"))
        try validate()
        for name in ["unet_cfg", "controlnet_cfg"] {
            let section = try parameters.section(name)
            guard try section.bool("use_fp16", default: false) else { continue }
            let field = section.name("use_fp16")
            warn("\(field) is true, but the network is computed in float32; results differ from the released program's by float16's rounding.")
        }
    }
}

extension UNetConfiguration {
    fileprivate init(denoiser section: Section) throws {
        try self.init(common: section, inChannels: section.int("in_channels"), hintChannels: 0, outChannels: section.int("out_channels"))
    }

    fileprivate init(controlNet section: Section) throws {
        let inChannels = try section.int("in_channels")
        try self.init(
            common: section, inChannels: inChannels, hintChannels: section.int("hint_channels"), outChannels: inChannels)
    }

    private init(common section: Section, inChannels: Int, hintChannels: Int, outChannels: Int) throws {
        try section.refuseUnsupportedOptions()
        self.init(
            inChannels: inChannels, hintChannels: hintChannels, outChannels: outChannels,
            modelChannels: try section.int("model_channels"),
            channelMultipliers: try section.ints("channel_mult"),
            residualBlocks: try section.int("num_res_blocks"),
            attentionResolutions: try section.ints("attention_resolutions"),
            headChannels: try section.int("num_head_channels"),
            contextDimension: try section.int("context_dim"),
            transformerDepth: try section.int("transformer_depth", default: 1), normalization: try section.option("normalization"),
            middleAttention: try section.middleAttention())
    }

    fileprivate init(lkpn section: Section?, latentChannels: Int, kernelSize: Int) throws {
        self = ModelConfiguration.released.lkpn
        if let section {
            try section.refuseUnsupportedOptions()
            modelChannels = try section.int("model_channels", default: modelChannels)
            channelMultipliers = try section.ints("channel_mult", default: channelMultipliers)
            residualBlocks = try section.int("num_res_blocks", default: residualBlocks)
            attentionResolutions = try section.ints("attention_resolutions", default: attentionResolutions)
            headChannels = try section.int("num_head_channels", default: headChannels)
            contextDimension = try section.int("context_dim", default: contextDimension)
            transformerDepth = try section.int("transformer_depth", default: transformerDepth)
            normalization = try section.option("normalization")
            middleAttention = try section.middleAttention()
        }
        // Bounded before they are multiplied; `validate` names the one that is out of range.
        let latent = min(max(latentChannels, 0), 1 << 20)
        let kernel = min(max(kernelSize, 0), 1 << 10)
        inChannels = try section?.int("in_channels", default: 2 * latent) ?? 2 * latent
        outChannels = try section?.int("out_channels", default: latent * kernel * kernel) ?? latent * kernel * kernel
    }
}

extension AutoencoderConfiguration {
    fileprivate init(_ section: Section) throws {
        if section.contains("transform") {
            guard !section.contains("ddconfig") else {
                throw InputError("has both 'transform' and 'ddconfig', of which it must have one", at: section.path)
            }
            self.init(transformOfBlocks: try section.section("transform").int("block"), embedDimension: try section.int("embed_dim"))
            return
        }
        let sizes = try section.section("ddconfig")
        let attention = try sizes.ints("attn_resolutions", default: [])
        guard attention.isEmpty else {
            throw InputError(
                "\(attention) asks for attention inside the levels, which is not supported", at: sizes.name("attn_resolutions"),
                advice: "Only autoencoders whose attention is in the middle alone can be converted.")
        }
        guard try sizes.bool("double_z", default: true) else {
            throw InputError("is false, but the encoder must put out a mean and a log variance", at: sizes.name("double_z"))
        }
        self.init(
            inChannels: try sizes.int("in_channels"), outChannels: try sizes.int("out_ch"), baseChannels: try sizes.int("ch"),
            channelMultipliers: try sizes.ints("ch_mult"), residualBlocks: try sizes.int("num_res_blocks"),
            zChannels: try sizes.int("z_channels"), embedDimension: try section.int("embed_dim"),
            resolution: try sizes.int("resolution", default: 256))
    }
}

extension TextEncoderConfiguration {
    fileprivate init(_ section: Section) throws {
        let sizes = try section.section("text_cfg")
        let layerName = try section.string("layer", default: "penultimate")
        guard let layer = Layer(rawValue: layerName) else {
            throw InputError("is '\(layerName)', but must be 'last' or 'penultimate'", at: section.name("layer"))
        }
        self.init(
            width: try sizes.int("width"), heads: try sizes.int("heads"), layers: try sizes.int("layers"),
            contextLength: try sizes.int("context_length"), vocabularySize: try sizes.int("vocab_size"), layer: layer)
    }
}

/// One mapping of the document, with its path for messages.
private struct Section {
    let node: Node
    let path: String

    func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    func contains(_ key: String) -> Bool { value(key) != nil }

    private func value(_ key: String) -> Node? {
        guard let node = node.mapping?[Node(key)], node.null == nil else { return nil }
        return node
    }

    func section(_ key: String) throws -> Section {
        let child = try required(key)
        guard child.mapping != nil else { throw InputError("must be a mapping", at: name(key)) }
        return Section(node: child, path: name(key))
    }

    func int(_ key: String, default fallback: Int? = nil) throws -> Int {
        if let fallback, !contains(key) { return fallback }
        guard let value = try required(key).int else { throw InputError("must be a whole number", at: name(key)) }
        return value
    }

    func ints(_ key: String, default fallback: [Int]? = nil) throws -> [Int] {
        if let fallback, !contains(key) { return fallback }
        guard let sequence = try required(key).sequence else { throw InputError("must be a list of whole numbers", at: name(key)) }
        return try sequence.map { element in
            guard let value = element.int else { throw InputError("must be a list of whole numbers", at: name(key)) }
            return value
        }
    }

    func double(_ key: String) throws -> Double {
        guard let value = try required(key).float else { throw InputError("must be a number", at: name(key)) }
        return value
    }

    func bool(_ key: String, default fallback: Bool) throws -> Bool {
        guard let node = value(key) else { return fallback }
        guard let value = node.bool else { throw InputError("must be true or false", at: name(key)) }
        return value
    }

    func string(_ key: String, default fallback: String) throws -> String {
        guard let node = value(key) else { return fallback }
        guard let value = node.string else { throw InputError("must be a word", at: name(key)) }
        return value
    }

    func option<Option: ArchitectureOption>(_ key: String) throws -> Option {
        let word = try string(key, default: Option.released.rawValue)
        guard let option = Option(rawValue: word) else {
            let words = Option.allCases.map { "'\($0.rawValue)'" }.joined(separator: " or ")
            throw InputError("is '\(word)', but must be \(words)", at: name(key))
        }
        return option
    }

    /// The released code's name for it.
    func middleAttention() throws -> MiddleAttention { try bool("disable_middle_self_attn", default: false) ? .context : .positions }

    private func required(_ key: String) throws -> Node {
        guard let node = value(key) else {
            throw InputError("is missing", at: name(key), advice: "Pass the YAML file that the checkpoint was trained with.")
        }
        return node
    }

    /// Options of the released UNet code that make another network of the same sizes.
    func refuseUnsupportedOptions() throws {
        let neededValues: [(key: String, value: Bool)] = [
            ("use_spatial_transformer", true), ("use_linear_in_transformer", true), ("conv_resample", true), ("use_scale_shift_norm", false),
            ("resblock_updown", false),
        ]
        for (key, needed) in neededValues where try bool(key, default: needed) != needed {
            throw InputError("is \(!needed), which is not supported", at: name(key))
        }
        for key in ["num_classes", "disable_self_attentions", "num_attention_blocks", "n_embed", "adm_in_channels"] where contains(key) {
            throw InputError("is set, which is not supported", at: name(key))
        }
        guard try int("dims", default: 2) == 2 else { throw InputError("must be 2", at: name("dims")) }
    }
}

/// The YAML library descends recursively; a real config is small and flat, so anything else is refused before it is parsed.
private func refuseDeepNesting(_ yaml: String) throws {
    let refusal = InputError("is no model config: it is too large or too deeply nested")
    guard yaml.utf8.count <= 1 << 16 else { throw refusal }
    var brackets = 0
    for line in yaml.utf8.split(separator: UInt8(ascii: "\n")) {
        guard line.prefix(while: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }).count <= 64 else { throw refusal }
        brackets += line.count { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }
        let indicators = line.count { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: ":") }
        // A comment may well contain a ruler of dashes.
        let isComment = line.first { $0 != UInt8(ascii: " ") } == UInt8(ascii: "#")
        guard brackets <= 256, isComment || indicators <= 24 else { throw refusal }
    }
}

private func firstLine(of text: String) -> Substring { text.split(separator: "\n").first ?? "" }
