import Files
import Tensors

/// Restoration guidance of an image: pulls an estimate of the sharp image's latent against the gradient of its distance to the photograph.
struct ImageGuidance {
    let options: RestorationGuidance
    private let autoencoder: Autoencoder
    private let target: Target

    private enum Target {
        /// The photograph's latent, drawn anew each time.
        case latent(moments: Tensor)
        /// The photograph itself, and how much each pixel counts.
        case image(Tensor, weight: Tensor)
    }

    /// - Parameter clean: the padded photograph in 0...1.
    init(_ options: RestorationGuidance, _ autoencoder: Autoencoder, clean: Tensor) throws {
        (self.options, self.autoencoder) = (options, autoencoder)
        let image = clean.map { 2 * $0 - 1 }
        switch options.space {
        case .latent: target = .latent(moments: try autoencoder.encode(image))
        case .rgb:
            let shape: Shape = [1, 1, clean.shape[2], clean.shape[3]]
            let weight = options.loss == .weighted ? EdgeWeights.of(clean) : Tensor([Float](repeating: 1, count: shape.elementCount), shape: shape)
            target = .image(image, weight: weight)
        }
    }

    /// - Parameter rate: how far it goes along the gradient, for an estimate of deviation 1.
    func pull(_ estimate: inout Tensor, rate: Float, _ random: inout TorchGenerator) throws {
        for _ in 0..<options.repetitions {
            switch target {
            case .latent(let moments):
                let size = Float(estimate.type.elementCount)
                autoencoder.sampleLatent(moments, &random).withFloats { target in
                    estimate.withMutableFloats { for i in $0.indices { $0[i] += -2 * ($0[i] - target[i]) / size * rate } }
                }
            case .image(let image, let weight):
                try autoencoder.distanceGradient(at: estimate, to: image, weight: weight, factor: -rate).withFloats { change in
                    estimate.withMutableFloats { for i in $0.indices { $0[i] += change[i] } }
                }
            }
        }
    }
}
