import Files
import Tensors
import Testing

@testable import DeblurDiff

@Suite struct TileTests {
    private struct Expected: Decodable {
        var weights: [UInt32]
        var windows: [[Int]]
        var blended: [UInt32]
    }

    @Test func blendsAsPyTorchDoes() throws {
        let expected: Expected = try fixture("tiles")
        #expect(largestDifference(TileWindows.gaussianWeights(height: 5, width: 7), floats(expected.weights)) < 1e-6)

        var generator = TorchGenerator(seed: 6)
        let source = generator.randn(3 * 13 * 22)
        let tiles = try TileWindows(height: 13, width: 22, tileSize: 8, tileStride: 5)
        #expect(tiles.windows.map { [$0.y, $0.x] } == expected.windows)
        var blender = TileBlender(channels: 3, tiles: tiles)
        for (index, window) in tiles.windows.enumerated() {
            var tile: [Float] = []
            for channel in 0..<3 {
                for y in 0..<8 {
                    let start = (channel * 13 + window.y + y) * 22 + window.x
                    tile += source[start..<start + 8].map { $0 + Float(index) }
                }
            }
            blender.add(Tensor(tile, shape: [1, 3, 8, 8]), at: window)
        }
        #expect(largestDifference(blender.blended().floatArray, floats(expected.blended)) < 2e-6)
    }

    /// Weights of neighbours add up to 1, and along the image's borders there is nothing to fade to; the last tile, which lies over more of the one before, fades over that.
    @Test(arguments: [(32, 24, 80), (32, 24, 75), (16, 16, 48), (16, 12, 16), (16, 4, 40)]) func tilesFadeIntoEachOther(
        _ sizes: (tile: Int, step: Int, length: Int)
    ) throws {
        let tiles = try TileWindows(height: sizes.length, width: sizes.length, tileSize: sizes.tile, tileStride: sizes.step)
        var generator = TorchGenerator(seed: 6)
        let image = Tensor(generator.randn(2 * sizes.length * sizes.length), shape: [1, 2, sizes.length, sizes.length])
        var blender = TileBlender(channels: 2, tiles: tiles, blend: .smooth)
        for window in tiles.windows { blender.add(image.cut(window), at: window) }
        #expect(largestDifference(blender.blended().floatArray, image.floatArray) < 2e-6)
        // Along the top row the sums of what lies over each place.
        var sums = [Float](repeating: 0, count: sizes.length)
        for window in tiles.windows where window.y == 0 {
            let weights = tiles.fadingWeights(window)
            if tiles.windows.count == 1 { #expect(weights.allSatisfy { $0 == 1 }) }
            for x in 0..<window.width { sums[window.x + x] += weights[x] }
        }
        #expect(sums.first! > 0.99 && sums.last! > 0.99)
        if sizes.length % sizes.step == sizes.tile % sizes.step, sizes.step * 2 >= sizes.tile { #expect(sums.allSatisfy { abs($0 - 1) < 1e-5 }) }
    }

    @Test func alignsTheLastTile() {
        #expect(TileWindows.starts(length: 75, tile: 32, stride: 16) == [0, 16, 32, 43])
        #expect(TileWindows.starts(length: 64, tile: 32, stride: 16) == [0, 16, 32])
        #expect(TileWindows.starts(length: 32, tile: 32, stride: 16) == [0])
        #expect(TileWindows.starts(length: 33, tile: 32, stride: 32) == [0, 1])
        #expect(TileWindows.starts(length: 20, tile: 32, stride: 16) == [0])
    }

    @Test func limitsTilesToTheImage() throws {
        let tiles = try TileWindows(height: 8, width: 40, tileSize: 16, tileStride: 12)
        #expect((tiles.tileHeight, tiles.tileWidth) == (8, 16))
        #expect(tiles.windows.map(\.x) == [0, 12, 24])
        let scaled = tiles.scaled(by: 8)
        #expect(scaled.height == 64 && scaled.width == 320 && scaled.tileHeight == 64 && scaled.tileWidth == 128)
        #expect(scaled.windows.map(\.x) == [0, 96, 192])
    }

    @Test func weightsAreLopsidedOnlyAlongY() {
        let (height, width) = (6, 6)
        let weights = TileWindows.gaussianWeights(height: height, width: width)
        for y in 0..<height {
            for x in 0..<width { #expect(weights[y * width + x] == weights[y * width + width - 1 - x]) }
        }
        for x in 0..<width {
            for y in 1..<height { #expect(weights[y * width + x] == weights[(height - y) * width + x]) }
            #expect(weights[x] < weights[(height - 1) * width + x])
        }
    }

    @Test(arguments: [(0, 1), (-8, 8), (8, 0), (8, -1), (8, 9), (Int.min, Int.max)])
    func refusesGapsAndNothing(size: Int, step: Int) {
        #expect(throws: InputError.self) { try TileWindows(height: 64, width: 64, tileSize: size, tileStride: step) }
    }

    /// In the model's own units.
    @Test func refusalsSpeakOfPixels() {
        var options = RestorationOptions()
        options.tiled = true
        (options.tileSize, options.tileStride) = (128, 256)
        var configuration = ModelConfiguration.released
        configuration.autoencoder.channelMultipliers = [1, 2]
        let error = #expect(throws: InputError.self) { try options.validate(for: configuration) }
        #expect(error?.description.contains("`tileStride`: must be 2 to 128 pixels (`tileSize`), not 256") == true)
    }
}
