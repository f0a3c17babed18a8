import Foundation
import Tensors

/// The autoencoder of a restoration: images to latents and back, whole or tile by tile.
struct Autoencoder {
    let session: RestorationSession

    private var configuration: ModelConfiguration { session.model.configuration }
    private var scaleFactor: Float { Float(configuration.latentScaleFactor) }

    /// An image in 0...1 as the system gives it to the encoder.
    func input(_ clean: Tensor) -> Tensor { configuration.system.design.encodesSigned ? clean.map { 2 * $0 - 1 } : clean }

    /// The moments of an image's latent: mean and log variance side by side.
    func encode(_ image: Tensor) throws -> Tensor {
        let moments = try session.run("vae_encoder", ["image": image])["moments"]!
        try session.requireFinite(moments, "the encoder")
        session.recorder?.record("vae_moments", moments)
        return moments
    }

    /// `(mean + exp(0.5 clamp(logvar, -30, 20)) randn) * scale factor`
    func sampleLatent(_ moments: Tensor, _ random: inout TorchGenerator) -> Tensor {
        var latent = random.hostRandn(latentShape(ofMoments: moments))
        moments.withFloats { moments in
            latent.withMutableFloats { z in
                for index in z.indices {
                    let deviation = expf(0.5 * min(max(moments[z.count + index], -30), 20))
                    z[index] = (moments[index] + deviation * z[index]) * scaleFactor
                }
            }
        }
        return latent
    }

    func meanLatent(_ moments: Tensor) -> Tensor {
        var latent = Tensor(TensorType(.float32, latentShape(ofMoments: moments)))
        moments.withFloats { mean in latent.withMutableFloats { z in for index in z.indices { z[index] = mean[index] * scaleFactor } } }
        return latent
    }

    private func latentShape(ofMoments moments: Tensor) -> Shape { [1, moments.shape[1] / 2, moments.shape[2], moments.shape[3]] }

    /// The shape of a padded image's latent.
    func latentShape(of image: Tensor) -> Shape { session.model.latentType(height: image.shape[2], width: image.shape[3]).shape }

    /// Encodes each tile by itself; where tiles overlap the later one stays.
    func tiledEncoding(_ image: Tensor, _ latent: (_ moments: Tensor) -> Tensor) throws -> Tensor {
        let shape = latentShape(of: image)
        var result = Tensor(TensorType(.float32, shape))
        let tiles = try session.options.autoencoderTiles(height: shape[2], width: shape[3], factor: configuration.latentFactor)
        for (window, pixels) in zip(tiles.windows, tiles.scaled(by: configuration.latentFactor).windows) {
            latent(try encode(image.cut(pixels))).paste(into: &result, at: window)
        }
        return result
    }

    /// The gradient of `factor` times the distance of a latent's image to another, with respect to the latent.
    ///
    /// - Parameters:
    ///   - image: [1, 3, H, W] in -1...1.
    ///   - weight: of each pixel's squared distance in their mean, [1, 1, H, W].
    func distanceGradient(at z: Tensor, to image: Tensor, weight: Tensor, factor: Float) throws -> Tensor {
        let scaled = z.map { $0 / scaleFactor }
        session.recorder?.record("z_final_scaled", scaled)
        let inputs = ["latent": scaled, "target": image, "weight": weight, "distance.gradient": Tensor([factor / scaleFactor], shape: [])]
        return try session.run(GuidanceGraph.name, inputs)["latent.gradient"]!
    }

    /// - Returns: [1, 3, H, W] in about -1...1.
    func decode(_ z: consuming Tensor) throws -> Tensor {
        var scaled = consume z
        scaled.withMutableFloats { for index in $0.indices { $0[index] /= scaleFactor } }
        func decode(_ latent: Tensor) throws -> Tensor {
            session.recorder?.record("z_final_scaled", latent)
            let image = try session.run("vae_decoder", ["latent": latent])["image"]!
            try session.requireFinite(image, "the decoder")
            session.recorder?.record("decoded", image)
            return image
        }
        guard session.options.tilesAutoencoder else { return try decode(scaled) }
        let tiles = try session.options.latentTiles(height: scaled.shape[2], width: scaled.shape[3], factor: configuration.latentFactor)
        let large = tiles.scaled(by: configuration.latentFactor)
        var blender = TileBlender(channels: configuration.autoencoder.outChannels, tiles: large)
        for (window, pixels) in zip(tiles.windows, large.windows) { blender.add(try decode(scaled.cut(window)), at: pixels) }
        return blender.blended()
    }
}
