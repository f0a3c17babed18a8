import Files
import Foundation
import Tensors

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
