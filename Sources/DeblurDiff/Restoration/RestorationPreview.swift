import Tensors

/// Pictures of what a restoration would be if it ended now.
public struct RestorationPreview {
    public var everySteps: Int
    /// Without the decoder: a pixel for each position of the latent, in no time.
    public var isFast: Bool
    /// Given the number of steps that are done, and float32 [1, 3, H, W], of the image's size or of the latent's. What it throws ends the restoration.
    public var show: (_ step: Int, _ planes: Tensor) throws -> Void

    public init(everySteps: Int, isFast: Bool = false, show: @escaping (_ step: Int, _ planes: Tensor) throws -> Void) {
        (self.everySteps, self.isFast, self.show) = (everySteps, isFast, show)
    }
}

/// Colours of a latent's positions as a linear function of their numbers, fitted by least squares to the photograph that is restored and its own latent: it holds for latents of
/// any kind, 4 channels of a learnt autoencoder or 48 of a fixed transform.
struct LatentColors {
    /// For each colour a factor for each channel, and a constant.
    private let factors: [[Double]]
    private let height: Int
    private let width: Int

    /// - Parameters:
    ///   - latent: of the photograph, [1, C, h, w].
    ///   - image: the photograph, [1, 3, H, W], not padded.
    ///   - factor: image pixels along a side of a position.
    init(latent: Tensor, image: Tensor, factor: Int) {
        let (channels, columns) = (latent.shape[1], latent.shape[3])
        let (imageHeight, imageWidth) = (image.shape[2], image.shape[3])
        // Positions that lie within the image as a whole; or the first, of an image that is smaller than that.
        let (rowCount, columnCount) = (max(1, imageHeight / factor), max(1, imageWidth / factor))
        (height, width) = ((imageHeight + factor - 1) / factor, (imageWidth + factor - 1) / factor)
        let size = channels + 1
        var squares = [Double](repeating: 0, count: size * size)
        var products = [[Double]](repeating: [Double](repeating: 0, count: size), count: 3)
        let area = latent.shape[2] * columns
        let (z, pixels) = (latent.floatArray, image.floatArray)
        let stride = max(1, rowCount * columnCount / 4096)
        for index in Swift.stride(from: 0, to: rowCount * columnCount, by: stride) {
            let (row, column) = (index / columnCount, index % columnCount)
            let numbers = (0..<channels).map { Double(z[$0 * area + row * columns + column]) } + [1]
            for i in 0..<size { for j in 0...i { squares[i * size + j] += numbers[i] * numbers[j] } }
            for color in 0..<3 {
                var (sum, count) = (0.0, 0.0)
                for y in row * factor..<min((row + 1) * factor, imageHeight) {
                    for x in column * factor..<min((column + 1) * factor, imageWidth) {
                        sum += Double(pixels[(color * imageHeight + y) * imageWidth + x])
                        count += 1
                    }
                }
                for i in 0..<size { products[color][i] += numbers[i] * sum / max(count, 1) }
            }
        }
        // A little of everything is better than all of noise, where there are fewer positions than numbers.
        let trace = (0..<size).reduce(0) { $0 + squares[$1 * size + $1] }
        for i in 0..<size { squares[i * size + i] += 1e-6 * trace / Double(size) + 1e-12 }
        factors = LatentColors.solve(squares, products, size)
    }

    /// By Cholesky's decomposition of the lower triangle.
    private static func solve(_ matrix: [Double], _ right: [[Double]], _ size: Int) -> [[Double]] {
        var l = matrix
        for i in 0..<size {
            for j in 0...i {
                let sum = (0..<j).reduce(l[i * size + j]) { $0 - l[i * size + $1] * l[j * size + $1] }
                l[i * size + j] = i == j ? max(sum, 1e-300).squareRoot() : sum / l[j * size + j]
            }
        }
        return right.map { right in
            var x = right
            for i in 0..<size { x[i] = (0..<i).reduce(x[i]) { $0 - l[i * size + $1] * x[$1] } / l[i * size + i] }
            for i in (0..<size).reversed() { x[i] = (i + 1..<size).reduce(x[i]) { $0 - l[$1 * size + i] * x[$1] } / l[i * size + i] }
            return x
        }
    }

    /// - Returns: [1, 3, h, w], a pixel for each position that has any of the image; about 0...1.
    func image(_ latent: Tensor) -> Tensor {
        let (channels, columns) = (latent.shape[1], latent.shape[3])
        let area = latent.shape[2] * columns
        return latent.withFloats { z in
            Tensor(TensorType(.float32, [1, 3, height, width])) { floats in
                for color in 0..<3 {
                    let factors = factors[color].map(Float.init)
                    for y in 0..<height {
                        for x in 0..<width {
                            let at = y * columns + x
                            floats[(color * height + y) * width + x] = (0..<channels).reduce(factors[channels]) { $0 + factors[$1] * z[$1 * area + at] }
                        }
                    }
                }
            }
        }
    }
}
