import Tensors

/// Classifier-free guidance (Ho and Salimans, 2022): `negative + scale (positive - negative)`, with a scale for each timestep.
final class GuidedPredictor: NoisePredictor {
    private let (positive, negative): (any NoisePredictor, any NoisePredictor)
    private let scale: (_ timestep: Int) -> Double
    private let session: RestorationSession

    init(positive: any NoisePredictor, negative: any NoisePredictor, scale: @escaping (_ timestep: Int) -> Double, session: RestorationSession) {
        (self.positive, self.negative) = (positive, negative)
        self.scale = scale
        self.session = session
    }

    func predict(_ z: Tensor, _ step: SamplerStep) throws -> Tensor {
        let positive = try positive.predict(z, step)
        let scale = scale(step.timestep)
        // As at the first steps of a scale that grows.
        if scale == 1 { return positive }
        let negative = try negative.predict(z, step)
        let result = Tensor(zip(negative.floatArray, positive.floatArray).map { $0 + Float(scale) * ($1 - $0) }, shape: z.shape)
        try session.requireFinite(result, "\(step.place): classifier-free guidance")
        return result
    }

    func replay(_ z: Tensor, _ step: SamplerStep, stages: Set<String>) throws {
        for predictor in [positive, negative] { try predictor.replay(z, step, stages: stages) }
    }
}
