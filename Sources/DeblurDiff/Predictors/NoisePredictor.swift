import Tensors

/// A step of the sampler.
struct SamplerStep {
    /// Counted from 0.
    var index: Int
    var count: Int
    var timestep: Int

    /// For messages: "step 3 of 50".
    var place: String { "step \(index + 1) of \(count)" }
}

/// Says what a noisy latent is made of: the networks, or a predictor around others.
protocol NoisePredictor: AnyObject {
    /// - Parameter z: [1, C, H, W].
    /// - Returns: of the same shape, the noise in it or what the model's ``Parameterization`` says.
    /// - Throws: an `InputError` that names the step and the network where numbers become infinite or NaN.
    func predict(_ z: Tensor, _ step: SamplerStep) throws -> Tensor

    /// Computes again what was kept of an earlier step, in a run that goes on from a state.
    ///
    /// - Parameter stages: of the step, those that run.
    func replay(_ z: Tensor, _ step: SamplerStep, stages: Set<String>) throws
}
