import Foundation
import Tensors

/// The autoencoder of a restoration: images to latents and back, whole or tile by tile.
struct Autoencoder {
    let session: RestorationSession

    private var configuration: ModelConfiguration { session.model.configuration }
    private var scaleFactor: Float { Float(configuration.latentScaleFactor) }

    /// The moments of an image's latent: mean and log variance side by side.
    func encode(_ image: Tensor) throws -> Tensor {
        let moments = try session.run("vae_encoder", ["image": image])["moments"]!
        try session.requireFinite(moments, "the encoder")
        session.recorder?.record("vae_moments", moments)
        return moments
    }

    /// `(mean + exp(0.5 clamp(logvar, -30, 20)) randn) * scale factor`
    func sampleLatent(_ moments: Tensor, _ random: inout TorchGenerator) -> Tensor {
        let count = moments.type.elementCount / 2
        let noise = random.hostRandn(count)
        return latent(of: moments) { moments, index in
            let deviation = expf(0.5 * min(max(moments[count + index], -30), 20))
            return (moments[index] + deviation * noise[index]) * scaleFactor
        }
    }

    func meanLatent(_ moments: Tensor) -> Tensor { latent(of: moments) { $0[$1] * scaleFactor } }

    private func latent(of moments: Tensor, _ value: (_ moments: UnsafeBufferPointer<Float>, _ index: Int) -> Float) -> Tensor {
        let shape = moments.shape
        return moments.withFloats { moments in
            Tensor(TensorType(.float32, [1, shape[1] / 2, shape[2], shape[3]])) { (z: UnsafeMutableBufferPointer<Float>) in
                for index in z.indices { z[index] = value(moments, index) }
            }
        }
    }

    /// The shape of a padded image's latent.
    func latentShape(of image: Tensor) -> Shape { session.model.latentType(height: image.shape[2], width: image.shape[3]).shape }

    /// Encodes each tile by itself; where tiles overlap the later one stays.
    func tiledEncoding(_ image: Tensor, _ latent: (_ moments: Tensor) -> Tensor) throws -> Tensor {
        let shape = latentShape(of: image)
        var result = Tensor(TensorType(.float32, shape))
        let tiles = try session.options.latentTiles(height: shape[2], width: shape[3], factor: configuration.latentFactor)
        for (window, pixels) in zip(tiles.windows, tiles.scaled(by: configuration.latentFactor).windows) {
            latent(try encode(image.cut(pixels))).paste(into: &result, at: window)
        }
        return result
    }

    /// - Returns: [1, 3, H, W] in about -1...1.
    func decode(_ z: Tensor) throws -> Tensor {
        let scaled = z.map { $0 / scaleFactor }
        func decode(_ latent: Tensor) throws -> Tensor {
            session.recorder?.record("z_final_scaled", latent)
            let image = try session.run("vae_decoder", ["latent": latent])["image"]!
            try session.requireFinite(image, "the decoder")
            session.recorder?.record("decoded", image)
            return image
        }
        guard session.options.tiled else { return try decode(scaled) }
        let tiles = try session.options.latentTiles(height: z.shape[2], width: z.shape[3], factor: configuration.latentFactor)
        let large = tiles.scaled(by: configuration.latentFactor)
        var blender = TileBlender(channels: configuration.autoencoder.outChannels, tiles: large)
        for (window, pixels) in zip(tiles.windows, large.windows) { blender.add(try decode(scaled.cut(window)), at: pixels) }
        return blender.blended()
    }
}
