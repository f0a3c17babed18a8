import Files
import Tensors
import Yams

extension ModelConfiguration {
    /// Reads the released form of a config: `params`, with `unet_cfg`, `controlnet_cfg`, `vae_cfg` and `clip_cfg` in it, and optional fields of the
    /// project's own:
    ///
    /// - `system`: `deblurdiff`, `diffbir` or `controlnet`, see ``RestorationSystem``; without, what the control network's `hint_channels` tell.
    /// - `lkpn_cfg`: the released code hard-codes the sizes of that network, which are the defaults here. Of `deblurdiff` alone.
    /// - `default_steps`: the sampler's steps where a run does not say.
    /// - `diffusion_cfg`: the fields of the released `Diffusion`, whose own file `diffusion` may be instead: `beta_schedule`, `linear_start`, `linear_end`, `cosine_s`,
    ///   `zero_snr`, `parameterization`. See ``DiffusionProcess``; without, that of Stable Diffusion.
    /// - `parameterization`: `eps` (the default), `v`, `x0` or `residual`, see ``Parameterization``.
    /// - `color_correction`: `statistics`, `wavelet` or `none`, see ``ColorCorrection``; without, the system's own.
    /// - `least_side`: see ``leastSide``; without, the system's own.
    /// - `normalization` of each network: `group` (the default) or `position`, see ``Normalization``.
    /// - `transform.block` of `vae_cfg`, in place of `ddconfig`: see ``AutoencoderConfiguration/transformBlock``.
    ///
    /// Or the form of Stable Diffusion and ControlNet: `model` with `params`, with `unet_config`, `control_stage_config`, `first_stage_config` and `cond_stage_config` in it.
    ///
    /// Fields that nothing depends on are ignored; a missing field, one of the wrong type, and options of the released code that change the network
    /// in a way that is not supported are an `InputError` that names the field.
    ///
    /// - Parameters:
    ///   - diffusion: the file of the released code that says how noise grows.
    ///   - warn: told what the released program would do otherwise.
    public init(yaml: String, diffusion: String? = nil, warn: (String) -> Void = { _ in }) throws {
        let parameters = try Section(yaml: yaml)
        var process = try parameters.process()
        if let diffusion {
            guard process == nil else { throw InputError("is there already, beside a file of its own", at: "diffusion_cfg") }
            process = try Section(yaml: diffusion)
        }
        guard process?.contains("parameterization") != true || process?.path == parameters.path || !parameters.contains("parameterization") else {
            throw InputError("is said twice", at: process!.name("parameterization"))
        }
        let autoencoder = try AutoencoderConfiguration(parameters.part(.autoencoder))
        let unet = try UNetConfiguration(denoiser: parameters.part(.unet))
        let textEncoder = try TextEncoderConfiguration(parameters.part(.textEncoder))
        let lkpn = parameters.contains("lkpn_cfg") ? try parameters.section("lkpn_cfg") : nil
        let kernelSize = try lkpn?.int("kernel_size", default: 5) ?? 5
        let controlNet = try UNetConfiguration(controlNet: parameters.part(.controlNet))
        let told = RestorationSystem.reading(hintChannels: controlNet.hintChannels, latent: autoencoder.embedDimension)
        let system = try parameters.contains("system") ? parameters.option("system") : lkpn == nil ? told ?? .released : .released
        let standard = system.design.released
        let hasLKPN = lkpn != nil || standard.lkpn != nil
        self.init(
            system: system,
            unet: unet,
            controlNet: controlNet,
            lkpn: hasLKPN ? try UNetConfiguration(lkpn: lkpn, latentChannels: autoencoder.embedDimension, kernelSize: kernelSize) : nil,
            kernelSize: kernelSize,
            autoencoder: autoencoder,
            textEncoder: textEncoder,
            latentScaleFactor: try parameters.double(parameters.isLatentDiffusion ? "scale_factor" : "latent_scale_factor"),
            defaultSteps: try parameters.contains("default_steps") ? parameters.int("default_steps") : nil,
            parameterization: try (process?.contains("parameterization") == true ? process! : parameters).option("parameterization"),
            process: try process.map(DiffusionProcess.init) ?? .released,
            colorCorrection: try parameters.contains("color_correction") ? parameters.option("color_correction") : standard.colorCorrection,
            leastSide: try parameters.contains("least_side") ? parameters.int("least_side") : standard.leastSide)
        try validate()
        for part in [Section.Part.unet, .controlNet] {
            let section = try parameters.part(part)
            guard try section.bool("use_fp16", default: false) else { continue }
            let field = section.name("use_fp16")
            warn("\(field) is true, but the network is computed in float32; results differ from the released program's by float16's rounding.")
        }
    }
}

extension ModelConfiguration {
    /// Reads the file of the released code that says how noise grows.
    public mutating func readDiffusion(yaml: String) throws {
        let section = try Section(yaml: yaml)
        process = try DiffusionProcess(section)
        parameterization = try section.option("parameterization")
        try validate()
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
            residualBlocks: try section.blockCounts("num_res_blocks"),
            attentionResolutions: try section.ints("attention_resolutions"),
            headChannels: try section.headChannels(), heads: try section.heads(),
            contextDimension: try section.contextDimension(),
            transformerDepth: try section.int("transformer_depth", default: 1), normalization: try section.option("normalization"),
            middleAttention: try section.middleAttention())
    }

    fileprivate init(lkpn section: Section?, latentChannels: Int, kernelSize: Int) throws {
        self = ModelConfiguration.releasedLKPN
        if let section {
            try section.refuseUnsupportedOptions()
            modelChannels = try section.int("model_channels", default: modelChannels)
            channelMultipliers = try section.ints("channel_mult", default: channelMultipliers)
            if section.contains("num_res_blocks") { residualBlocks = try section.blockCounts("num_res_blocks") }
            attentionResolutions = try section.ints("attention_resolutions", default: attentionResolutions)
            if let heads = try section.heads() {
                (headChannels, self.heads) = (-1, heads)
            } else {
                headChannels = try section.headChannels(default: headChannels)
            }
            contextDimension = try section.contextDimension(default: contextDimension)
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

extension DiffusionProcess {
    /// What is missing has the released class's default.
    fileprivate init(_ section: Section) throws {
        guard try section.int("timesteps", default: DiffusionProcess.timesteps) == DiffusionProcess.timesteps else {
            throw InputError("must be \(DiffusionProcess.timesteps)", at: section.name("timesteps"))
        }
        let word = try section.string("beta_schedule", default: Schedule.linear.rawValue)
        guard let schedule = Schedule(rawValue: word) else {
            let words = Schedule.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw InputError("is '\(word)', but must be one of \(words)", at: section.name("beta_schedule"))
        }
        self.schedule = schedule
        firstBeta = try section.double("linear_start", default: 1e-4)
        lastBeta = try section.double("linear_end", default: 2e-2)
        cosineOffset = try section.double("cosine_s", default: 8e-3)
        endsInNoise = try section.bool("zero_snr", default: false)
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
        let layerName = try section.string("layer", default: "penultimate")
        guard let layer = Layer(rawValue: layerName) else {
            throw InputError("is '\(layerName)', but must be 'last' or 'penultimate'", at: section.name("layer"))
        }
        // Stable Diffusion's form names the layer alone.
        guard section.contains("text_cfg") || !section.path.hasSuffix("params") else {
            self = ModelConfiguration.released.textEncoder
            self.layer = layer
            return
        }
        let sizes = try section.section("text_cfg")
        self.init(
            width: try sizes.int("width"), heads: try sizes.int("heads"), layers: try sizes.int("layers"),
            contextLength: try sizes.int("context_length"), vocabularySize: try sizes.int("vocab_size"), layer: layer)
    }
}

/// One mapping of the document, with its path for messages.
private struct Section {
    let node: Node
    let path: String

    init(node: Node, path: String) { (self.node, self.path) = (node, path) }

    /// A network of a configuration, by its name in the released form, and in Stable Diffusion's.
    enum Part: String {
        case unet = "unet_cfg"
        case controlNet = "controlnet_cfg"
        case autoencoder = "vae_cfg"
        case textEncoder = "clip_cfg"

        var latentDiffusionName: String {
            switch self {
            case .unet: "unet_config"
            case .controlNet: "control_stage_config"
            case .autoencoder: "first_stage_config"
            case .textEncoder: "cond_stage_config"
            }
        }
    }

    /// Whether it has Stable Diffusion's form.
    var isLatentDiffusion: Bool { contains(Part.unet.latentDiffusionName) }

    func part(_ part: Part) throws -> Section {
        guard isLatentDiffusion else { return try section(part.rawValue) }
        let section = try section(part.latentDiffusionName)
        if part == .textEncoder, try !section.string("target", default: "").hasSuffix("FrozenOpenCLIPEmbedder") {
            throw InputError(
                "must be a FrozenOpenCLIPEmbedder", at: section.name("target"),
                advice: "Models of Stable Diffusion 2 have that text encoder, those of 1 have not.")
        }
        return try section.section("params")
    }

    /// What says how noise grows, if anything does.
    func process() throws -> Section? {
        if isLatentDiffusion { return contains("linear_start") || contains("beta_schedule") ? self : nil }
        return contains("diffusion_cfg") ? try section("diffusion_cfg") : nil
    }

    /// A file's `params`, or all of it; or what is in its `model`.
    init(yaml: String) throws {
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
        let file = Section(node: document, path: "")
        let root = file.contains("model") ? try file.section("model") : file
        self = root.contains("params") ? try root.section("params") : root
    }

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

    func double(_ key: String, default fallback: Double? = nil) throws -> Double {
        if let fallback, !contains(key) { return fallback }
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

    private func isList(_ key: String) -> Bool { value(key)?.sequence != nil }

    func blockCounts(_ key: String) throws -> BlockCounts {
        guard isList(key) else { return BlockCounts([try int(key)]) }
        let counts = try ints(key)
        guard !counts.isEmpty else { throw InputError("is empty", at: name(key)) }
        return BlockCounts(counts)
    }

    /// One for all transformers, or one for each of their blocks, which all read the same text.
    func contextDimension(default fallback: Int? = nil) throws -> Int {
        let key = "context_dim"
        guard isList(key) else { return try int(key, default: fallback) }
        let widths = try ints(key)
        guard let width = widths.first, widths.allSatisfy({ $0 == width }) else {
            throw InputError("names the widths \(widths), but there is one text for all", at: name(key))
        }
        guard try widths.count == int("transformer_depth", default: 1) else {
            throw InputError("names \(widths.count) blocks, and transformer_depth others", at: name(key))
        }
        return width
    }

    /// As in the released code, -1 is none, and the channels of a head count where both are there.
    func heads() throws -> Int? {
        guard try int("num_head_channels", default: -1) == -1, contains("num_heads") else { return nil }
        let heads = try int("num_heads")
        return heads == -1 ? nil : heads
    }

    func headChannels(default fallback: Int? = nil) throws -> Int {
        try heads() == nil ? int("num_head_channels", default: fallback) : -1
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
            ("use_spatial_transformer", true), ("conv_resample", true), ("use_scale_shift_norm", false),
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
