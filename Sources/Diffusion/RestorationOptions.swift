import ModelImport
import Tensors

/// How a photograph is restored. The defaults are those of the released code.
public struct RestorationOptions: Sendable {
    /// Steps of the sampler, 1 ... 1000.
    public var steps = 50
    public var seed: UInt64 = 231
    public var positivePrompt = Prompt.text("")
    public var negativePrompt = Prompt.text("low quality, blurry, low-resolution, noisy, unsharp, weird textures")
    /// Classifier-free guidance: 1 is off, and then the negative prompt is not used.
    public var guidanceScale: Float = 1
    /// Start from the blurred image's low frequencies instead of noise alone.
    public var betterStart = false
    /// Run the networks on overlapping tiles, to bound memory on large images.
    public var tiled = false
    /// Side and distance of the tiles, in image pixels.
    public var tileSize = 512
    public var tileStride = 256
    /// Factor on the control network's outputs.
    public var strength: Float = 1
    /// Pulls each step's estimate towards the blurred image's latent.
    public var restorationGuidance: RestorationGuidance?

    public init() {}

    /// The released defaults, with the number of steps that a model asks for.
    public init(defaultsOf configuration: ModelConfiguration) {
        if let steps = configuration.defaultSteps { self.steps = steps }
    }

    /// Checks what a user can get wrong.
    ///
    /// - Parameter latentFactor: image pixels along a side of a latent position.
    public func validate(latentFactor: Int) throws {
        guard (1...NoiseSchedule.trainingSteps).contains(steps) else {
            throw InputError("the number of steps must be 1 to \(NoiseSchedule.trainingSteps), not \(steps)", at: "--steps")
        }
        guard guidanceScale.isFinite else { throw InputError("the guidance scale must be a number", at: "--cfg-scale") }
        guard strength.isFinite else { throw InputError("the strength must be a number", at: "--strength") }
        guard !(tiled && restorationGuidance != nil) else {
            throw InputError("restoration guidance is not available with tiles", at: "--g-scale", advice: "Leave out --tiled or --g-scale.")
        }
        if tiled {
            for (option, value) in [("--tile-size", tileSize), ("--tile-stride", tileStride)] {
                guard value > 0, value <= 1 << 20, value % latentFactor == 0 else {
                    throw InputError("must be a positive multiple of \(latentFactor), not \(value)", at: option)
                }
            }
        }
    }
}

/// What the text encoder reads.
public enum Prompt: Hashable, Sendable {
    case text(String)
    /// Token ids, already between start and end and padded.
    case tokens([Int32])
}

/// Restoration guidance by the mean squared error of latents.
public struct RestorationGuidance: Hashable, Sendable {
    public var scale: Float
    /// Active at timesteps t with `stop < t + 1 < start`.
    public var start = 1001
    public var stop = -1
    /// Gradient steps at each of those.
    public var repetitions = 1

    public init(scale: Float) { self.scale = scale }
}
