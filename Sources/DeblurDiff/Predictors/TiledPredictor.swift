import Tensors

/// A prediction for each of some overlapping tiles, blended.
final class TiledPredictor: NoisePredictor {
    private let tiles: TileWindows
    private let blend: TileBlend
    private let predictors: [any NoisePredictor]

    /// - Parameter predictors: one for each of the tiles' windows.
    init(tiles: TileWindows, blend: TileBlend, predictors: [any NoisePredictor]) {
        (self.tiles, self.blend) = (tiles, blend)
        self.predictors = predictors
    }

    func predict(_ z: Tensor, _ step: SamplerStep) throws -> Tensor {
        var blender = TileBlender(channels: z.shape[1], tiles: tiles, blend: blend)
        for (window, predictor) in zip(tiles.windows, predictors) { blender.add(try predictor.predict(z.cut(window), step), at: window) }
        return blender.blended()
    }

    func replay(_ z: Tensor, _ step: SamplerStep, stages: Set<String>) throws {
        for (window, predictor) in zip(tiles.windows, predictors) { try predictor.replay(z.cut(window), step, stages: stages) }
    }
}
