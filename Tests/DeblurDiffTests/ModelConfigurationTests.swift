import DeblurDiff
import Files
import Foundation
import GraphTestSupport
import Tensors
import Testing

@Suite struct ModelConfigurationTests {
    private static let tiny = try! String(contentsOfFile: repositoryFile("Tests/Fixtures/tiny.yaml"), encoding: .utf8)

    @Test func readsTheReleasedForm() throws {
        let configuration = try ModelConfiguration(yaml: Self.tiny)
        let unet = UNetConfiguration(
            inChannels: 4, outChannels: 4, modelChannels: 32, channelMultipliers: [1, 2, 2, 2], headChannels: 32, contextDimension: 32)
        #expect(configuration.unet == unet)
        var controlNet = unet
        controlNet.hintChannels = 8
        #expect(configuration.controlNet == controlNet)
        #expect(configuration.controlNet.inputChannels == 12)
        var lkpn = unet
        lkpn.inChannels = 8
        lkpn.outChannels = 100
        #expect(configuration.lkpn == lkpn)
        #expect(configuration.autoencoder == AutoencoderConfiguration(baseChannels: 32, channelMultipliers: [1, 2, 2, 2]))
        #expect(configuration.textEncoder == TextEncoderConfiguration(width: 32, heads: 2, layers: 3))
        #expect(configuration.latentScaleFactor == 0.18215)
        #expect(configuration.latentFactor == 8)
        #expect(configuration.imageMultiple == 64)
    }

    @Test func releasedSizesAreValid() throws {
        try ModelConfiguration.released.validate()
        #expect(ModelConfiguration.released.latentFactor == 8)
        #expect(ModelConfiguration.released.textEncoder.activeLayers == 23)
    }

    /// The released program pads to 64 pixels, however few levels the denoiser has.
    @Test func imagesArePaddedAsInTheReleasedProgram() throws {
        func multiple(_ levels: Int, _ lkpnLevels: Int, latent: Int) -> Int {
            var configuration = ModelConfiguration.released
            configuration.unet.channelMultipliers = Array(repeating: 1, count: levels)
            configuration.lkpn?.channelMultipliers = Array(repeating: 1, count: lkpnLevels)
            configuration.autoencoder.channelMultipliers = Array(repeating: 1, count: latent)
            return configuration.imageMultiple
        }
        #expect(multiple(4, 4, latent: 4) == 64 && multiple(3, 3, latent: 4) == 64 && multiple(1, 2, latent: 4) == 64)
        #expect(multiple(5, 4, latent: 4) == 128 && multiple(3, 5, latent: 4) == 128)
        // Other factors it does not know.
        #expect(multiple(3, 3, latent: 2) == 8)
    }

    @Test func warnsOfHalfPrecision() throws {
        var warnings: [String] = []
        let yaml = Self.tiny.replacingOccurrences(of: "  controlnet_cfg:\n", with: "  controlnet_cfg:\n    use_fp16: true\n")
        _ = try ModelConfiguration(yaml: yaml) { warnings.append($0) }
        #expect(warnings.count == 1 && warnings[0].contains("controlnet_cfg.use_fp16 is true"), "\(warnings)")
        _ = try ModelConfiguration(yaml: Self.tiny) { Issue.record("\($0)") }
        _ = try ModelConfiguration(yaml: yaml.replacingOccurrences(of: "use_fp16: true", with: "use_fp16: false")) { Issue.record("\($0)") }
    }

    @Test func survivesJSON() throws {
        let data = try JSONEncoder().encode(ModelConfiguration.released)
        #expect(try JSONDecoder().decode(ModelConfiguration.self, from: data) == .released)
    }

    @Test func aModelMaySayItsSteps() throws {
        #expect(try ModelConfiguration(yaml: Self.tiny).defaultSteps == nil)
        var configuration = try ModelConfiguration(yaml: Self.tiny.replacingOccurrences(of: "params:\n", with: "params:\n  default_steps: 4\n"))
        #expect(configuration.defaultSteps == 4)
        let data = try JSONEncoder().encode(configuration)
        #expect(try JSONDecoder().decode(ModelConfiguration.self, from: data) == configuration)
        // Files that were written before there was such a field have none.
        configuration.defaultSteps = nil
        let text = String(decoding: try JSONEncoder().encode(configuration), as: UTF8.self)
        #expect(!text.contains("teps"))
        #expect(try JSONDecoder().decode(ModelConfiguration.self, from: Data(text.utf8)) == configuration)
    }

    @Test func aModelMayHaveAnotherArchitecture() throws {
        let configuration = try ModelConfiguration(
            yaml: String(contentsOfFile: repositoryFile("Tests/Fixtures/configs/transform.yaml"), encoding: .utf8))
        #expect(configuration.parameterization == .residual)
        #expect(configuration.colorCorrection == .none)
        #expect(configuration.autoencoder == AutoencoderConfiguration(transformOfBlocks: 4, embedDimension: 48))
        #expect(configuration.latentFactor == 4)
        #expect(configuration.imageMultiple == 8)
        for network in try [configuration.unet, configuration.controlNet, #require(configuration.lkpn)] {
            #expect(network.normalization == .position)
            #expect(network.middleAttention == .context)
        }
        let data = try JSONEncoder().encode(configuration)
        #expect(try JSONDecoder().decode(ModelConfiguration.self, from: data) == configuration)
        // Files that were written before there were such choices have none.
        let released = String(decoding: try JSONEncoder().encode(ModelConfiguration.released), as: UTF8.self)
        for word in ["parameterization", "colorCorrection", "normalization", "middleAttention", "transformBlock", "process"] {
            #expect(!released.contains(word))
        }
    }

    @Test func networkOfTheLKPNHasDefaults() throws {
        let start = try #require(Self.tiny.range(of: "  lkpn_cfg:"))
        let without = Self.tiny[..<start.lowerBound].replacingOccurrences(of: "context_dim: 32", with: "context_dim: 1024")
            .replacingOccurrences(of: "width: 32\n      heads", with: "width: 1024\n      heads")
        #expect(try ModelConfiguration(yaml: without).lkpn == ModelConfiguration.released.lkpn)
    }

    @Test func whatTheReleasedClassesTake() throws {
        let yaml = Self.tiny.replacingOccurrences(of: "num_head_channels: 32", with: "num_heads: 4")
            .replacingOccurrences(of: "num_res_blocks: 2\n    channel_mult", with: "num_res_blocks: [1, 2, 1, 3]\n    channel_mult")
            .replacingOccurrences(of: "context_dim: 32", with: "context_dim: [32]")
            .replacingOccurrences(of: "use_linear_in_transformer: true", with: "use_linear_in_transformer: false")
        let diffusion = "target: model.Diffusion\nparams:\n  linear_start: 0.00085\n  linear_end: 0.0120\n  zero_snr: True\n  parameterization: v\n"
        let configuration = try ModelConfiguration(yaml: yaml, diffusion: diffusion)
        #expect(configuration.unet.heads == 4 && configuration.unet.headChannels(width: 64) == 16)
        #expect(configuration.controlNet.residualBlocks.counts == [1, 2, 1, 3])
        #expect(configuration.lkpn?.residualBlocks == 2 && configuration.lkpn?.heads == 4)
        #expect(configuration.process.endsInNoise && configuration.process.firstBeta == 0.00085 && configuration.parameterization == .velocity)
        #expect(try ModelConfiguration(json: configuration.json) == configuration)
        // What the class has where its file says nothing.
        let plain = try ModelConfiguration(yaml: Self.tiny, diffusion: "params: {beta_schedule: sqrt}").process
        #expect(plain.schedule == .squareRoot && plain.firstBeta == 1e-4 && plain.lastBeta == 2e-2 && !plain.endsInNoise)
        let both = "diffusion_cfg: {}\n" + Self.tiny.replacingOccurrences(of: "params:\n", with: "params:\n  diffusion_cfg: {}\n")
        #expect(throws: InputError.self) { try ModelConfiguration(yaml: both, diffusion: diffusion) }
    }

    @Test func sizesVary() throws {
        var yaml = Self.tiny.replacingOccurrences(of: "num_res_blocks: 2", with: "num_res_blocks: 1")
        yaml = yaml.replacingOccurrences(of: "ch: 32\n      ch_mult:\n      - 1\n      - 2", with: "ch: 64\n      ch_mult:\n      - 1")
        let configuration = try ModelConfiguration(yaml: yaml)
        #expect(configuration.autoencoder.channelMultipliers == [1, 2, 2])
        #expect(configuration.autoencoder.baseChannels == 64)
        #expect(configuration.latentFactor == 4)
        #expect(configuration.unet.residualBlocks == 1)
    }

    @Test(arguments: [
        ("    model_channels: 32\n", "", "params.unet_cfg.model_channels: is missing"),
        ("model_channels: 32", "model_channels: thirty", "model_channels: must be a whole number"),
        ("model_channels: 32", "model_channels: 48", "multiple of 32"),
        ("model_channels: 32", "model_channels: -32", "from 1 to 65536"),
        ("model_channels: 32", "model_channels: 3200000000", "from 1 to 65536"),
        ("model_channels: 32", "model_channels: 99999999999999999999999", "whole number"),
        ("num_head_channels: 32", "num_head_channels: 24", "24 does not divide the width"),
        ("num_res_blocks: 2", "num_res_blocks: 0", "from 1 to 64"),
        ("context_dim: 32", "context_dim: 64", "the text encoder's width"),
        ("legacy: false", "legacy: false\n    use_scale_shift_norm: true", "is not supported"),
        ("num_res_blocks: 2\n    channel_mult", "num_res_blocks: [2, 1]\n    channel_mult", "num_res_blocks: names 2 levels, of which there are 4"),
        ("num_res_blocks: 2\n    channel_mult", "num_res_blocks: []\n    channel_mult", "num_res_blocks: is empty"),
        ("num_res_blocks: 2\n    channel_mult", "num_res_blocks: [1, 2, 3, 0]\n    channel_mult", "from 1 to 64"),
        ("context_dim: 32", "context_dim: [32, 32]", "context_dim: names 2 blocks, and transformer_depth others"),
        ("transformer_depth: 1\n    context_dim: 32", "transformer_depth: 2\n    context_dim: [32, 16]", "context_dim: names the widths [32, 16]"),
        ("num_head_channels: 32", "num_heads: 3", "unet_cfg.num_heads: 3 does not divide the width 32"),
        ("num_head_channels: 32", "num_head_channels: -1", "num_head_channels: is -1, but must be from 1 to 4096"),
        ("num_head_channels: 32", "num_heads: 0", "num_heads: is 0, but must be from 1 to 4096"),
        ("params:\n", "params:\n  diffusion_cfg: {zero_snr: true}\n", "diffusion_cfg.zero_snr: is true, but where no signal is left"),
        ("params:\n", "params:\n  diffusion_cfg: {timesteps: 500}\n", "diffusion_cfg.timesteps: must be 1000"),
        ("params:\n", "params:\n  diffusion_cfg: {beta_schedule: quadratic}\n", "beta_schedule: is 'quadratic', but must be one of 'linear', 'sqrt_linear'"),
        ("params:\n", "params:\n  diffusion_cfg: {linear_end: 1.0}\n", "diffusion_cfg.linear_end: is 1.0, but must be"),
        ("params:\n", "params:\n  diffusion_cfg: {linear_start: .nan}\n", "diffusion_cfg.linear_start: is nan, but must be"),
        ("params:\n", "params:\n  diffusion_cfg: {linear_start: 0.9, linear_end: 0.99}\n", "diffusion_cfg: leaves no signal"),
        ("params:\n", "params:\n  parameterization: v\n  diffusion_cfg: {parameterization: v}\n", "diffusion_cfg.parameterization: is said twice"),
        ("hint_channels: 8", "hint_channels: 4", "twice the latent's channels"),
        ("attn_resolutions: []", "attn_resolutions: [16]", "is not supported"),
        ("layer: penultimate", "layer: first", "'last' or 'penultimate'"),
        ("heads: 2", "heads: 3", "do not divide the width"),
        ("latent_scale_factor: 0.18215", "latent_scale_factor: .nan", "must be from 1e-6 to 1e6"),
        ("latent_scale_factor: 0.18215", "latent_scale_factor: 1e300", "must be from 1e-6 to 1e6"),
        ("latent_scale_factor: 0.18215", "latent_scale_factor: 1e-40", "must be from 1e-6 to 1e6"),
        ("latent_scale_factor: 0.18215", "latent_scale_factor: -0.2", "must be from 1e-6 to 1e6"),
        ("params:\n", "params:\n  default_steps: 0\n", "default_steps: is 0, but must be from 1 to 1000"),
        ("params:\n", "params:\n  default_steps: -4\n", "from 1 to 1000"),
        ("params:\n", "params:\n  default_steps: 1001\n", "from 1 to 1000"),
        ("params:\n", "params:\n  default_steps: 99999999999999999999\n", "params.default_steps: must be a whole number"),
        ("params:\n", "params:\n  default_steps: few\n", "params.default_steps: must be a whole number"),
        ("params:\n", "params:\n  default_steps: 2.5\n", "params.default_steps: must be a whole number"),
        ("params:\n", "params:\n  parameterization: w\n", "params.parameterization: is 'w', but must be 'eps' or 'x0' or 'v' or 'residual'"),
        ("params:\n", "params:\n  color_correction: all\n", "params.color_correction: is 'all', but must be 'statistics' or 'wavelet' or 'none'"),
        ("num_res_blocks: 2", "num_res_blocks: 2\n    normalization: batch", "normalization: is 'batch', but must be 'group' or 'position'"),
        ("num_res_blocks: 2", "num_res_blocks: 2\n    disable_middle_self_attn: 2", "disable_middle_self_attn: must be true or false"),
        ("  vae_cfg:\n", "  vae_cfg:\n    transform: {block: 4}\n", "params.vae_cfg: has both 'transform' and 'ddconfig'"),
        ("    ddconfig:\n", "    transform: {block: 0}\n    other:\n", "vae_cfg.transform.block: is 0, but must be from 1 to 16"),
        ("vae_cfg:", "other_cfg:", "params.vae_cfg: is missing"),
        ("    - 4\n", "    - 16\n", "names the factor 16"),
        ("params:", "- x\nparams:", "is not valid YAML"),
    ])
    func refuses(old: String, new: String, message: String) throws {
        let range = try #require(Self.tiny.range(of: old))
        let yaml = Self.tiny.replacingCharacters(in: range, with: new)
        let error = #expect(throws: InputError.self) { try ModelConfiguration(yaml: yaml) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test func refusesOtherDocuments() {
        let documents = [
            "", "hello", "[1, 2]", "\u{0}\u{1}", "{", String(repeating: "[", count: 100_000), String(repeating: "- ", count: 30_000),
            String(repeating: "? ", count: 30_000), "a: &x [*x]", "params: {unet_cfg: 3}",
            "a: &a [1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\n"
                + "e: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f]\nparams: *g\n",
        ]
        for document in documents { #expect(throws: InputError.self) { try ModelConfiguration(yaml: document) } }
    }

    @Test func mutationsNeverCrash() {
        let text = Array(Self.tiny.utf8)
        var generator = SeededGenerator(state: 4)
        for _ in 0..<500 {
            var mutated = text
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                mutated[Int.random(in: 0..<mutated.count, using: &generator)] = UInt8.random(in: 0x20...0x7e, using: &generator)
            }
            _ = try? ModelConfiguration(yaml: String(decoding: mutated, as: UTF8.self))
        }
    }

    /// Files with sound checksums can be wrong all the same.
    @Test(arguments: [(0, "default_steps: is 0, but must be from 1 to 1000"), (1001, "default_steps: is 1001")])
    func stepsAreChecked(count: Int, words: String) throws {
        var configuration = ModelConfiguration.released
        configuration.defaultSteps = count
        let error = #expect(throws: InputError.self) { try ModelConfiguration(json: configuration.json) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
}
