import Tensors

/// Classifier-free guidance (Ho and Salimans, 2022): `negative + scale (positive - negative)`.
final class GuidedPredictor: NoisePredictor {
    private let (positive, negative): (any NoisePredictor, any NoisePredictor)
    private let scale: Float
    private let session: RestorationSession

    init(positive: any NoisePredictor, negative: any NoisePredictor, scale: Float, session: RestorationSession) {
        (self.positive, self.negative) = (positive, negative)
        self.scale = scale
        self.session = session
    }

    func predict(_ z: Tensor, _ step: SamplerStep) throws -> Tensor {
        let positive = try positive.predict(z, step)
        let negative = try negative.predict(z, step)
        let result = Tensor(zip(negative.floatArray, positive.floatArray).map { $0 + scale * ($1 - $0) }, shape: z.shape)
        try session.requireFinite(result, "\(step.place): classifier-free guidance")
        return result
    }

    func replay(_ z: Tensor, _ step: SamplerStep, stages: Set<String>) throws {
        for predictor in [positive, negative] { try predictor.replay(z, step, stages: stages) }
    }
}
