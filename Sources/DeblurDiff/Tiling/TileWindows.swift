import Files
import Foundation
import Tensors

/// How overlapping tiles become one image.
public enum TileBlend: String, CaseIterable, Hashable, Sendable {
    /// As in the released program: each tile is encoded, goes through the step's networks and is decoded by itself, and Gaussian weights blend them.
    case released
    /// The step's networks alone see tiles, of one noise, which fade into each other. The image is encoded and decoded as a whole, and where its colours are corrected it gets the
    /// photograph's low frequencies, so that no tile has a tone of its own.
    case smooth
}

/// The overlapping tiles that cover an image, and the weights that blend them.
public struct TileWindows: Hashable, Sendable {
    /// A tile's place.
    public struct Window: Hashable, Sendable {
        public let y: Int
        public let x: Int
        public let height: Int
        public let width: Int
    }

    /// The size of what is covered.
    public let height: Int
    public let width: Int
    /// The size of every tile: what was asked for, or the image's where that is smaller.
    public let tileHeight: Int
    public let tileWidth: Int
    /// Row by row from the top left.
    public let windows: [Window]

    /// Tiles for an image (or a latent) of this size; all lengths are in its positions.
    ///
    /// - Throws: `InputError` unless tile size and stride are at least 1 and the stride is no longer than the tile, as
    ///   positions between the tiles would have no value.
    public init(height: Int, width: Int, tileSize: Int, tileStride: Int) throws {
        precondition(height > 0 && width > 0, "an empty image")
        guard tileSize >= 1 else {
            throw InputError("the tile size must be at least 1 position of the latent", at: "`tileSize`")
        }
        guard (1...tileSize).contains(tileStride) else {
            throw InputError(
                "the tile stride must be at least 1 position of the latent, and no more than the tile size", at: "`tileStride`",
                advice: "Half the tile size is usual.")
        }
        self.init(
            height: height, width: width, tileHeight: min(tileSize, height), tileWidth: min(tileSize, width), strideHeight: tileStride, strideWidth: tileStride)
    }

    /// Tiles of exactly this size, each half a tile behind the one before.
    ///
    /// - Precondition: the image is no smaller.
    init(height: Int, width: Int, tileHeight: Int, tileWidth: Int) {
        precondition(1...height ~= tileHeight && 1...width ~= tileWidth, "tiles larger than the image")
        self.init(
            height: height, width: width, tileHeight: tileHeight, tileWidth: tileWidth, strideHeight: max(1, tileHeight / 2), strideWidth: max(1, tileWidth / 2)
        )
    }

    private init(height: Int, width: Int, tileHeight: Int, tileWidth: Int, strideHeight: Int, strideWidth: Int) {
        (self.height, self.width) = (height, width)
        (self.tileHeight, self.tileWidth) = (tileHeight, tileWidth)
        let columns = TileWindows.starts(length: width, tile: tileWidth, stride: strideWidth)
        windows = TileWindows.starts(length: height, tile: tileHeight, stride: strideHeight).flatMap { y in
            columns.map { x in Window(y: y, x: x, height: tileHeight, width: tileWidth) }
        }
    }

    /// Where tiles begin along an axis: 0, stride, ... as far as they fit, and a last one aligned to the end if that leaves a
    /// rest. A tile longer than the axis is one tile at 0.
    public static func starts(length: Int, tile: Int, stride step: Int) -> [Int] {
        let last = max(length - tile, 0)
        let starts = Array(stride(from: 0, through: last, by: step))
        return starts.last == last ? starts : starts + [last]
    }

    /// The same tiles of an image whose lengths are all `factor` times as long.
    public func scaled(by factor: Int) -> TileWindows { TileWindows(self, factor: factor) }

    private init(_ other: TileWindows, factor: Int) {
        (height, width) = (other.height * factor, other.width * factor)
        (tileHeight, tileWidth) = (other.tileHeight * factor, other.tileWidth * factor)
        windows = other.windows.map {
            Window(y: $0.y * factor, x: $0.x * factor, height: $0.height * factor, width: $0.width * factor)
        }
    }

    /// The weights of a tile's positions, row by row, for tiles that fade into each other: 1 inside, along the image's borders too, and falling to 0 as `sin^2` where another tile lies over
    /// it. The weights of two neighbours add up to 1.
    func fadingWeights(_ window: Window) -> [Float] {
        func ramp(_ start: Int, _ size: Int, _ starts: Set<Int>) -> [Float] {
            // The nearest on either side; with more than half in common, others lie over it as well.
            let before = starts.filter { $0 < start && $0 + size > start }.max().map { $0 + size - start } ?? 0
            let behind = starts.filter { $0 > start && $0 < start + size }.min().map { start + size - $0 } ?? 0
            // Over the middle half of what two have in common: what is nearest to a tile's border suffers most from what the networks do not see there.
            func fade(_ index: Int, _ overlap: Int) -> Double {
                guard index < overlap else { return 1 }
                let share = ((Double(index) + 0.5) / Double(overlap) - 0.25) / 0.5
                return pow(sin(Double.pi / 2 * min(max(share, 0), 1)), 2)
            }
            // A little everywhere, since each position needs some weight.
            return (0..<size).map { Float(max(fade($0, min(before, size)) * fade(size - 1 - $0, min(behind, size)), 1e-6)) }
        }
        let columns = ramp(window.x, window.width, Set(windows.map(\.x)))
        return ramp(window.y, window.height, Set(windows.map(\.y))).flatMap { row in columns.map { row * $0 } }
    }

    /// The weights of a tile's positions, row by row: the product of a Gaussian along x and one along y,
    /// `exp(-(i - m)^2 / n^2 / 0.02) / sqrt(0.02 pi)` for n positions, in float64 and then rounded.
    ///
    /// The middle m is (n - 1) / 2 along x but n / 2 along y: half a position too far down, as in the released code.
    public static func gaussianWeights(height: Int, width: Int) -> [Float] {
        func gaussian(_ count: Int, around middle: Double) -> [Double] {
            let size = Double(count)
            return (0..<count).map { index in
                let distance = Double(index) - middle
                return exp(-distance * distance / (size * size) / 0.02) / (0.02 * Double.pi).squareRoot()
            }
        }
        let columns = gaussian(width, around: Double(width - 1) / 2)
        let rows = gaussian(height, around: Double(height) / 2)
        return rows.flatMap { row in columns.map { Float(row * $0) } }
    }
}
