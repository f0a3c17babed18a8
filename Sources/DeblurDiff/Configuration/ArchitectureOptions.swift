/// A part of a configuration that can differ from the released model's. Configurations that were stored before it could mean the released one.
public protocol ReleasedDefault: Codable, Hashable, Sendable {
    static var released: Self { get }
}

/// A choice between the released architecture and another.
public protocol ArchitectureOption: ReleasedDefault, RawRepresentable<String>, CaseIterable {}

/// What the denoiser puts out.
public enum Parameterization: String, ArchitectureOption {
    /// The noise in its latent.
    case noise = "eps"
    /// The sharp image's latent.
    case image = "x0"
    /// What `z` moves by as noise replaces signal: `sqrt(acp) noise - sqrt(1 - acp) x0` (Salimans and Ho, 2022).
    case velocity = "v"
    /// What the adaptive convolution's result lacks: their sum is the estimate of the sharp image's latent.
    case residual

    public static let released = noise
}

/// Over which numbers the norms of residual blocks and transformers take mean and variance.
public enum Normalization: String, ArchitectureOption {
    /// Over 32 groups of channels at all positions of the image, or of a transformer's window.
    case group
    /// Over the channels of each position, so that a result does not depend on how large the image is.
    case position

    public static let released = group
}

/// What the first attention of the middle's transformer reads.
public enum MiddleAttention: String, ArchitectureOption {
    /// All positions of its window.
    case positions
    /// The text alone, as with `disable_middle_self_attn` in the released code.
    case context

    public static let released = positions
}

/// What gives the restored image its colours.
public enum ColorCorrection: String, ArchitectureOption {
    /// Each channel gets mean and deviation of the blurred image's channel.
    case statistics
    /// It keeps its details, and its coarse part is the blurred image's, by a wavelet transform (``LowFrequencies``).
    case wavelet
    /// Nothing: a network whose tone can be relied on knows better how much contrast blur has taken.
    case none

    public static let released = statistics
}

// The compiler writes the coding of configurations, and takes these where they fit best.

extension KeyedDecodingContainer {
    func decode<Option: ReleasedDefault>(_ type: Option.Type, forKey key: Key) throws -> Option {
        try decodeIfPresent(type, forKey: key) ?? .released
    }
}

extension KeyedEncodingContainer {
    mutating func encode<Option: ReleasedDefault>(_ option: Option, forKey key: Key) throws {
        try encodeIfPresent(option == .released ? nil : option, forKey: key)
    }
}
