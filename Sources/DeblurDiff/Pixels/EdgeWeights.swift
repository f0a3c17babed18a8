import Foundation
import Tensors

/// How much each pixel counts in restoration guidance by `w_mse`: the less the stronger the edges of its block of 2 x 2 pixels, which are the restoration's to make.
enum EdgeWeights {
    /// `1 - tanh(m)`, with the sum m of the block's magnitudes of Sobel's gradient.
    ///
    /// - Parameter image: float32 [1, 3, H, W] in 0...1.
    /// - Returns: float32 [1, 1, H, W].
    static func of(_ image: Tensor) -> Tensor {
        let (height, width) = (image.shape[2], image.shape[3])
        var weights = [Float](repeating: 0, count: height * width)
        let grey = image.withFloats { rgb in
            let plane = height * width
            return (0..<plane).map { 0.2989 * rgb[$0] + 0.5870 * rgb[plane + $0] + 0.1140 * rgb[2 * plane + $0] }
        }
        func magnitude(_ y: Int, _ x: Int) -> Float {
            // Beyond the image its outermost pixels go on.
            func at(_ dy: Int, _ dx: Int) -> Float { grey[min(max(y + dy, 0), height - 1) * width + min(max(x + dx, 0), width - 1)] }
            let across = at(-1, 1) - at(-1, -1) + 2 * (at(0, 1) - at(0, -1)) + at(1, 1) - at(1, -1)
            let down = at(1, -1) - at(-1, -1) + 2 * (at(1, 0) - at(-1, 0)) + at(1, 1) - at(-1, 1)
            return (across * across + down * down).squareRoot()
        }
        for y in stride(from: 0, to: height, by: 2) {
            for x in stride(from: 0, to: width, by: 2) {
                let block = [(y, x), (y, x + 1), (y + 1, x), (y + 1, x + 1)].filter { $0 < height && $1 < width }
                let weight = 1 - tanhf(block.reduce(0) { $0 + magnitude($1.0, $1.1) })
                for (row, column) in block { weights[row * width + column] = weight }
            }
        }
        return Tensor(weights, shape: [1, 1, height, width])
    }
}
