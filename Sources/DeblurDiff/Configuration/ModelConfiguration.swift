import Tensors

/// The sizes of every network in a DeblurDiff model, or in one of another ``RestorationSystem``.
///
/// The released code keeps them in a YAML file (``init(yaml:warn:)``); a converted model carries them as JSON. All that can differ between two models
/// is here, so nothing else in the project holds a width or a number of blocks.
public struct ModelConfiguration: Codable, Hashable, Sendable {
    /// Whose networks they are.
    public var system: RestorationSystem
    /// The denoiser.
    public var unet: UNetConfiguration
    /// The control network: the denoiser's encoder half with ``UNetConfiguration/hintChannels`` more inputs. Its output channels are unused.
    public var controlNet: UNetConfiguration
    /// The latent kernel prediction network. It reads the blurred and the noisy latent and puts out one kernel for each channel and position. DeblurDiff alone has one.
    public var lkpn: UNetConfiguration?
    /// The width and height of the kernels that the LKPN predicts, odd.
    public var kernelSize: Int?
    public var autoencoder: AutoencoderConfiguration
    public var textEncoder: TextEncoderConfiguration
    /// The encoder's output is multiplied with this, the decoder's input divided by it.
    public var latentScaleFactor: Double
    /// The sampler's steps that the model was trained for; nil where it does not say.
    public var defaultSteps: Int?
    /// What the denoiser puts out.
    public var parameterization: Parameterization
    /// The noise that the denoiser was trained with.
    public var process: DiffusionProcess
    public var colorCorrection: ColorCorrection
    /// Photographs whose shorter side has fewer pixels are enlarged to so many, and the result is made smaller again; nil where they are not.
    public var leastSide: Int?

    public init(
        system: RestorationSystem = .released, unet: UNetConfiguration, controlNet: UNetConfiguration, lkpn: UNetConfiguration?, kernelSize: Int = 5,
        autoencoder: AutoencoderConfiguration, textEncoder: TextEncoderConfiguration, latentScaleFactor: Double = 0.18215,
        defaultSteps: Int? = nil, parameterization: Parameterization = .released, process: DiffusionProcess = .released,
        colorCorrection: ColorCorrection = .released, leastSide: Int? = nil
    ) {
        self.system = system
        self.unet = unet
        self.controlNet = controlNet
        self.lkpn = lkpn
        self.kernelSize = lkpn == nil ? nil : kernelSize
        self.autoencoder = autoencoder
        self.textEncoder = textEncoder
        self.latentScaleFactor = latentScaleFactor
        self.defaultSteps = defaultSteps
        self.parameterization = parameterization
        self.process = process
        self.colorCorrection = colorCorrection
        self.leastSide = leastSide
    }

    /// Channels of a latent.
    public var latentChannels: Int { autoencoder.embedDimension }

    /// Image pixels along one side of a latent position.
    public var latentFactor: Int { autoencoder.transformBlock ?? 1 << (autoencoder.channelMultipliers.count - 1) }

    /// Image sides that the networks take are multiples of this, so that each level of the denoiser halves evenly. 64 for the released sizes.
    public var networkMultiple: Int {
        let levels = max(unet.channelMultipliers.count, lkpn?.channelMultipliers.count ?? 0)
        return latentFactor << (levels - 1)
    }

    /// Images are padded to multiples of this: what the networks take, but with the released autoencoder's factor of 8 no less than 64 pixels, to which the
    /// released program pads whatever the number of levels.
    public var imageMultiple: Int { latentFactor == 8 ? max(networkMultiple, 64) : networkMultiple }

    /// What the networks see of a photograph, before it is padded: the photograph, or larger where ``leastSide`` asks for it.
    public func workingSize(height: Int, width: Int) -> (height: Int, width: Int) {
        guard let least = leastSide, min(height, width) < least else { return (height, width) }
        func scaled(_ length: Int, by other: Int) -> Int { Int(Double(length) * (Double(least) / Double(other))) }
        return height < width ? (least, scaled(width, by: height)) : height > width ? (scaled(height, by: width), least) : (least, least)
    }
}

/// The sizes of a UNet with transformers, as in Stable Diffusion 2.
public struct UNetConfiguration: Codable, Hashable, Sendable {
    /// Channels of the noisy latent (for the LKPN: of both latents that it reads).
    public var inChannels: Int
    /// Further input channels behind ``inChannels``, or channels of the picture that it reads; only the control network has them.
    public var hintChannels: Int
    public var outChannels: Int
    /// The width of level 0. A residual block of level `l` is `modelChannels * channelMultipliers[l]` wide.
    public var modelChannels: Int
    public var channelMultipliers: [Int]
    /// Residual blocks in each level of the encoder half; the decoder half has one more.
    public var residualBlocks: BlockCounts
    /// The downsampling factors (1, 2, 4, ... for level 0, 1, 2, ...) at which a transformer follows each residual block.
    public var attentionResolutions: [Int]
    /// Channels of an attention head, where ``heads`` does not say how many there are.
    public var headChannels: Int
    /// Attention heads on every level, each with its part of the level's channels.
    public var heads: Int?
    public var contextDimension: Int
    /// Blocks in each transformer.
    public var transformerDepth: Int
    /// What the convolutions of residual blocks and the transformers read is normalised by this.
    public var normalization: Normalization
    /// What the first attention of the middle's transformer reads.
    public var middleAttention: MiddleAttention

    public init(
        inChannels: Int, hintChannels: Int = 0, outChannels: Int, modelChannels: Int, channelMultipliers: [Int], residualBlocks: BlockCounts = 2,
        attentionResolutions: [Int] = [4, 2, 1], headChannels: Int, heads: Int? = nil, contextDimension: Int, transformerDepth: Int = 1,
        normalization: Normalization = .released, middleAttention: MiddleAttention = .released
    ) {
        self.inChannels = inChannels
        self.hintChannels = hintChannels
        self.outChannels = outChannels
        self.modelChannels = modelChannels
        self.channelMultipliers = channelMultipliers
        self.residualBlocks = residualBlocks
        self.attentionResolutions = attentionResolutions
        self.headChannels = headChannels
        self.heads = heads
        self.contextDimension = contextDimension
        self.transformerDepth = transformerDepth
        self.normalization = normalization
        self.middleAttention = middleAttention
    }

    /// Channels that the first convolution reads.
    public var inputChannels: Int { inChannels + hintChannels }

    /// The width of the time embedding.
    public var timeEmbeddingChannels: Int { 4 * modelChannels }

    public func channels(level: Int) -> Int { modelChannels * channelMultipliers[level] }

    /// Channels of an attention head in a transformer of this width.
    public func headChannels(width: Int) -> Int { heads.map { width / $0 } ?? headChannels }

    /// Whether the residual blocks of a level are followed by transformers. The middle always has one.
    public func hasAttention(level: Int) -> Bool { attentionResolutions.contains(1 << level) }
}

/// How many blocks each level has: one number for all, or one for each.
public struct BlockCounts: Codable, Hashable, Sendable, ExpressibleByIntegerLiteral {
    /// One, or as many as there are levels.
    public let counts: [Int]

    public init(_ counts: [Int]) { self.counts = counts.dropFirst().contains { $0 != counts[0] } ? counts : Array(counts.prefix(1)) }
    public init(integerLiteral count: Int) { self.init([count]) }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let count = try? container.decode(Int.self) { self.init([count]) } else { self.init(try container.decode([Int].self)) }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if counts.count == 1 { try container.encode(counts[0]) } else { try container.encode(counts) }
    }

    public subscript(level: Int) -> Int { counts.count == 1 ? counts[0] : counts[level] }
}

/// The sizes of the autoencoder between images and latents.
public struct AutoencoderConfiguration: Codable, Hashable, Sendable {
    /// Image channels in and out.
    public var inChannels: Int
    public var outChannels: Int
    public var baseChannels: Int
    public var channelMultipliers: [Int]
    /// Residual blocks in each level of the encoder; the decoder has one more.
    public var residualBlocks: Int
    /// Channels of the encoder's mean (and of its log variance), and of the decoder's input.
    public var zChannels: Int
    /// Channels of a latent, between the 1x1 convolutions behind the encoder and before the decoder.
    public var embedDimension: Int
    /// The image size that it was trained at. Nothing depends on it.
    public var resolution: Int
    /// The side of the blocks of pixels that a linear transform takes to ``embedDimension`` numbers and back, where that is the whole autoencoder;
    /// nil where it is two networks. With a transform the widths and numbers of blocks mean nothing.
    public var transformBlock: Int?

    public init(
        inChannels: Int = 3, outChannels: Int = 3, baseChannels: Int, channelMultipliers: [Int], residualBlocks: Int = 2, zChannels: Int = 4,
        embedDimension: Int = 4, resolution: Int = 256
    ) {
        self.inChannels = inChannels
        self.outChannels = outChannels
        self.baseChannels = baseChannels
        self.channelMultipliers = channelMultipliers
        self.residualBlocks = residualBlocks
        self.zChannels = zChannels
        self.embedDimension = embedDimension
        self.resolution = resolution
    }

    /// A linear transform of blocks of pixels in place of networks.
    public init(transformOfBlocks block: Int, embedDimension: Int) {
        self.init(baseChannels: 32, channelMultipliers: [1], embedDimension: embedDimension)
        transformBlock = block
    }

    public func channels(level: Int) -> Int { baseChannels * channelMultipliers[level] }
}

/// The sizes of the text encoder.
public struct TextEncoderConfiguration: Codable, Hashable, Sendable {
    /// Where the output is taken.
    public enum Layer: String, Codable, Hashable, Sendable {
        /// Behind all layers.
        case last
        /// Before the last layer, which then need not run.
        case penultimate
    }

    public var width: Int
    public var heads: Int
    public var layers: Int
    /// Tokens of a prompt, padding included.
    public var contextLength: Int
    public var vocabularySize: Int
    public var layer: Layer

    public init(width: Int, heads: Int, layers: Int, contextLength: Int = 77, vocabularySize: Int = 49408, layer: Layer = .penultimate) {
        self.width = width
        self.heads = heads
        self.layers = layers
        self.contextLength = contextLength
        self.vocabularySize = vocabularySize
        self.layer = layer
    }

    /// Layers that run.
    public var activeLayers: Int { layer == .last ? layers : layers - 1 }
}

extension ModelConfiguration {
    /// The sizes of the released weights.
    public static let released = ModelConfiguration(
        unet: UNetConfiguration(
            inChannels: 4, outChannels: 4, modelChannels: 320, channelMultipliers: [1, 2, 4, 4], headChannels: 64, contextDimension: 1024),
        controlNet: UNetConfiguration(
            inChannels: 4, hintChannels: 8, outChannels: 4, modelChannels: 320, channelMultipliers: [1, 2, 4, 4], headChannels: 64,
            contextDimension: 1024),
        lkpn: releasedLKPN,
        autoencoder: AutoencoderConfiguration(baseChannels: 128, channelMultipliers: [1, 2, 4, 4]),
        textEncoder: TextEncoderConfiguration(width: 1024, heads: 16, layers: 24))

    static let releasedLKPN = UNetConfiguration(
        inChannels: 8, outChannels: 100, modelChannels: 128, channelMultipliers: [1, 2, 4, 4], headChannels: 64, contextDimension: 1024)
}

extension ModelConfiguration {
    /// The sizes of a system's released weights.
    public static func released(_ system: RestorationSystem) -> ModelConfiguration { system.design.released }

    /// The same networks in a system that has no LKPN.
    func withoutLKPN(as system: RestorationSystem) -> ModelConfiguration {
        var result = self
        result.system = system
        (result.lkpn, result.kernelSize) = (nil, nil)
        result.controlNet.hintChannels = system.design.hintChannels(latent: latentChannels)
        return result
    }
}
