import Files
import Foundation
import Tensors

/// How a photograph is restored. The defaults are those of the released code.
public struct RestorationOptions: Sendable {
    /// Steps of the sampler, 1 ... 1000: evaluations of the networks.
    public var steps = 50
    public var sampler = SamplerChoice.spaced
    /// Which levels of noise the steps visit.
    public var spacing = TimestepSpacing.even
    /// How much of the noise a sampler draws anew at each step: 0 none, 1 as the diffusion process; nil for ``SamplerChoice/standardEta``.
    public var eta: Double?
    public var seed: UInt64 = 231
    public var seedMode = SeedMode.each
    public var randomNumbers = RandomNumbers()
    public var positivePrompt = Prompt.text("")
    public var negativePrompt = Prompt.text("low quality, blurry, low-resolution, noisy, unsharp, weird textures")
    /// Classifier-free guidance: 1 is off, and then the negative prompt is not used.
    public var guidanceScale: Float = 1
    /// Classifier-free guidance grows from 1 at the first timestep to `guidanceScale` + 1 at the last, if it is more than 1.
    public var rescalesGuidance = false
    /// Start from the blurred image's low frequencies instead of noise alone; in DiffBIR from the condition.
    public var betterStart = false
    /// The condition gets as much noise as a latent has at this timestep, 1...999; 0 for none. Where it is the mean of the photograph's latent, as in DiffBIR.
    public var conditionNoise = 0
    /// Run the networks on overlapping tiles, to bound memory on large images.
    ///
    /// Norms and attention then see a tile, not the image. That is sound for a model that was trained on images of the tiles' size, as the released one was on 512 x 512;
    /// one that has learnt from whole images loses exposure and colour by it.
    public var tiled = false
    /// Side and distance of the tiles, in image pixels. They are cut down to whole positions of the latent.
    public var tileSize = 512
    public var tileStride = 256
    public var tileBlend = TileBlend.released
    /// Factor on the control network's outputs.
    public var strength: Float = 1
    /// How much of the restored image is in the result, 0...1; the rest is the photograph as it was.
    public var blend: Float = 1
    /// Pulls each step's estimate towards the blurred image.
    public var restorationGuidance: RestorationGuidance?
    /// What is left out of the steps, as an approximation.
    public var stepSchedule: StepSchedule?

    public init() {}

    /// Whether classifier-free guidance is on.
    public var isGuided: Bool { guidanceScale != 1 }

    /// Of classifier-free guidance.
    func guidanceScale(at timestep: Int) -> Double {
        guard rescalesGuidance, guidanceScale > 1 else { return Double(guidanceScale) }
        let share = (1 - cos(Double.pi * pow(Double(1000 - timestep) / 1000, 5))) / 2
        return 1 + Double(guidanceScale) * share
    }

    /// A schedule that leaves something out.
    var schedule: StepSchedule? { stepSchedule.flatMap { $0.isExact ? nil : $0 } }

    /// Whether the autoencoder works on tiles, too.
    var tilesAutoencoder: Bool { tiled && tileBlend == .released }

    /// The tiles of a latent as the autoencoder sees it.
    func autoencoderTiles(height: Int, width: Int, factor: Int) throws -> TileWindows {
        var options = self
        options.tiled = tilesAutoencoder
        return try options.latentTiles(height: height, width: width, factor: factor)
    }

    /// How a result gets its colours, where a model asks for some.
    func correction(_ configuration: ModelConfiguration) -> ColorCorrection {
        let correction = configuration.colorCorrection
        return tiled && tileBlend == .smooth && correction == .statistics ? .wavelet : correction
    }

    /// The tiles of a latent; the latent itself is the only one without ``tiled``.
    ///
    /// - Parameter factor: image pixels along a side of a latent position.
    func latentTiles(height: Int, width: Int, factor: Int) throws -> TileWindows {
        let (size, stride) = tiled ? (tileSize / factor, tileStride / factor) : (Int.max, 1)
        return try TileWindows(height: height, width: width, tileSize: size, tileStride: stride)
    }

    /// The released defaults, with the number of steps that a model asks for.
    public init(defaultsOf configuration: ModelConfiguration) {
        if let steps = configuration.defaultSteps { self.steps = steps }
    }

    /// Checks what a user can get wrong. Errors name fields: `tileSize`.
    public func validate(for configuration: ModelConfiguration) throws {
        let sampler = try sampler.make(self, configuration.process)
        try stepSchedule?.validate(steps: sampler.levels.count)
        guard guidanceScale.isFinite else { throw InputError("the guidance scale must be a number", at: "`guidanceScale`") }
        let system = configuration.system
        guard conditionNoise == 0 || system.design.condition == .meanLatent else {
            throw InputError("is for systems whose control network reads a mean latent, not for \(system.title)", at: "`conditionNoise`")
        }
        guard (0...999).contains(conditionNoise) else { throw InputError("must be 0 to 999, not \(conditionNoise)", at: "`conditionNoise`") }
        guard strength.isFinite else { throw InputError("the strength must be a number", at: "`strength`") }
        guard (0...1).contains(blend) else { throw InputError("the share of the restored image must be 0 to 1, not \(blend)", at: "`blend`") }
        if let guidance = restorationGuidance {
            guard !tiled else {
                throw InputError(
                    "restoration guidance is not available with tiles", at: "`restorationGuidance`", advice: "Leave out `tiled` or `restorationGuidance`.")
            }
            guard guidance.loss == .mean || guidance.space == .rgb else {
                throw InputError("w_mse is for images", at: "`restorationGuidance.loss`", advice: "Take mse, or rgb for the space.")
            }
            guard guidance.scale.isFinite else { throw InputError("must be a number", at: "`restorationGuidance.scale`") }
            guard (1...1000).contains(guidance.repetitions) else {
                throw InputError("must be 1 to 1000, not \(guidance.repetitions)", at: "`restorationGuidance.repetitions`")
            }
        }
        if tiled { try validateTiles(latentFactor: configuration.latentFactor, multiple: configuration.networkMultiple) }
    }

    private func validateTiles(latentFactor factor: Int, multiple: Int) throws {
        guard tileSize >= multiple, tileSize / factor * factor % multiple == 0 else {
            throw InputError(
                "tiles of \(tileSize) pixels do not go through this model's networks", at: "`tileSize`",
                advice: "Take a multiple of \(multiple).")
        }
        guard (1...tileSize / factor).contains(tileStride / factor) else {
            throw InputError(
                "must be \(factor) to \(tileSize) pixels (`tileSize`), not \(tileStride)", at: "`tileStride`",
                advice: "Half the tile size is usual.")
        }
    }
}

/// Where each image's random numbers begin.
public enum SeedMode: String, CaseIterable, Hashable, Sendable {
    /// At the seed: an image's result does not depend on those before it, so that any can be made again by itself.
    case each
    /// Where the image before ended, as in the released program, which seeds once.
    case once
}

/// What the text encoder reads.
public enum Prompt: Hashable, Sendable {
    case text(String)
    /// Token ids, already between start and end and padded.
    case tokens([Int32])
}

/// Restoration guidance: how far each step's estimate goes along the gradient of its squared distance to the photograph.
public struct RestorationGuidance: Hashable, Sendable {
    /// What is compared.
    public enum Space: String, CaseIterable, Hashable, Sendable {
        /// The estimate and the photograph's latent.
        case latent
        /// The estimate's image and the photograph; the gradient goes back through the decoder, which takes three times as long as decoding.
        case rgb
    }

    public enum Loss: String, CaseIterable, Hashable, Sendable {
        /// All numbers count alike.
        case mean = "mse"
        /// Pixels at edges count less; of images alone.
        case weighted = "w_mse"
    }

    public var scale: Float
    public var space: Space
    public var loss: Loss
    /// Active at timesteps t with `stop < t + 1 < start`.
    public var start = 1001
    public var stop = -1
    /// Gradient steps at each of those.
    public var repetitions = 1

    /// - `loss`: without, that of the released program, which has none but `mse` for latents.
    public init(scale: Float, space: Space = .latent, loss: Loss? = nil) {
        (self.scale, self.space) = (scale, space)
        self.loss = loss ?? Self.standardLoss(space)
    }

    func isActive(at timestep: Int) -> Bool { stop < timestep + 1 && timestep + 1 < start }

    public static func standardLoss(_ space: Space) -> Loss { space == .rgb ? .weighted : .mean }
}
