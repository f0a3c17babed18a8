import Tensors

/// Where a restoration stands between two steps. With the same image, model and options it goes on from here to the bits that it would have had.
public struct SamplerCheckpoint: Sendable {
    /// How many steps are done.
    public var step: Int
    /// The latent behind them, float32 [1, C, H, W].
    public var z: Tensor
    public var random: TorchGenerator
    /// What the sampler remembers, see ``Sampler/state``.
    public var samplerState: [Tensor]
    /// What a run with a ``StepSchedule`` goes on from beside it: estimates and latents of steps before, as its schedule says.
    public var history: [Tensor]

    public init(step: Int, z: Tensor, random: TorchGenerator, samplerState: [Tensor] = [], history: [Tensor] = []) {
        self.step = step
        self.z = z
        self.random = random
        self.samplerState = samplerState
        self.history = history
    }
}
