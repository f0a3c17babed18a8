import Tensors

/// Puts tiles together to one image: sums of weight times tile and of weights, and at the end the quotient.
public struct TileBlender {
    private let tiles: TileWindows
    private let blend: TileBlend
    private let gaussian: [Float]
    private var sums: Tensor
    private var weightSums: [Float]

    /// - Parameters:
    ///   - channels: of each tile and of the result.
    ///   - tiles: where they lie.
    public init(channels: Int, tiles: TileWindows, blend: TileBlend = .released) {
        (self.tiles, self.blend) = (tiles, blend)
        gaussian = blend == .released ? TileWindows.gaussianWeights(height: tiles.tileHeight, width: tiles.tileWidth) : []
        sums = Tensor(ImagePlanes.type(channels: channels, height: tiles.height, width: tiles.width))
        weightSums = [Float](repeating: 0, count: tiles.height * tiles.width)
    }

    /// Adds a tile, [1, C, h, w] or [C, h, w], at its window. The order of the calls decides the last bits.
    public mutating func add(_ tile: Tensor, at window: TileWindows.Window) {
        let (planes, whole) = (ImagePlanes(tile.type), ImagePlanes(sums.type))
        precondition(
            planes.channels == whole.channels && planes.height == tiles.tileHeight && planes.width == tiles.tileWidth
                && window.height == tiles.tileHeight && window.width == tiles.tileWidth && window.y >= 0 && window.x >= 0
                && window.y + window.height <= whole.height && window.x + window.width <= whole.width,
            "not one of the tiles")
        let weights = blend == .released ? gaussian : tiles.fadingWeights(window)
        for y in 0..<planes.height {
            let to = (window.y + y) * whole.width + window.x
            for x in 0..<planes.width { weightSums[to + x] += weights[y * planes.width + x] }
        }
        tile.withFloats { source in
            sums.withMutableFloats { target in
                weights.withUnsafeBufferPointer { weights in
                    for channel in 0..<planes.channels {
                        for y in 0..<planes.height {
                            let from = (channel * planes.height + y) * planes.width
                            let to = (channel * whole.height + window.y + y) * whole.width + window.x
                            let weight = y * planes.width
                            for x in 0..<planes.width { target[to + x] += source[from + x] * weights[weight + x] }
                        }
                    }
                }
            }
        }
    }

    /// The weighted mean, [1, C, H, W]. Every tile must have been added.
    public func blended() -> Tensor {
        var result = sums
        result.withMutableFloats { floats in
            weightSums.withUnsafeBufferPointer { weightSums in
                for plane in stride(from: 0, to: floats.count, by: weightSums.count) {
                    for index in 0..<weightSums.count { floats[plane + index] /= weightSums[index] }
                }
            }
        }
        return result
    }
}
