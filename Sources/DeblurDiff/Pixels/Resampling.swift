import Tensors

/// Images of other sizes, by bicubic interpolation that takes the mean over all that becomes one pixel (PyTorch's `interpolate` with `bicubic` and `antialias`).
public enum Resampling {
    /// [1, C, H, W] to [1, C, height, width]; the image itself where that is its size.
    ///
    /// Sides are kept from end to end. Values can leave the image's range a little.
    public static func resized(_ image: Tensor, height: Int, width: Int) -> Tensor {
        let planes = ImagePlanes(image.type)
        guard (planes.height, planes.width) != (height, width) else { return image }
        let (columns, rows) = (taps(from: planes.width, to: width), taps(from: planes.height, to: height))
        var wide = [Float](repeating: 0, count: planes.channels * planes.height * width)
        return image.withFloats { source in
            for row in 0..<planes.channels * planes.height {
                for (x, tap) in columns.enumerated() {
                    var sum: Float = 0
                    for (index, weight) in tap.weights.enumerated() { sum += weight * source[row * planes.width + tap.first + index] }
                    wide[row * width + x] = sum
                }
            }
            return Tensor(ImagePlanes.type(channels: planes.channels, height: height, width: width)) { target in
                for channel in 0..<planes.channels {
                    for (y, tap) in rows.enumerated() {
                        let to = (channel * height + y) * width
                        for (index, weight) in tap.weights.enumerated() {
                            let from = (channel * planes.height + tap.first + index) * width
                            for x in 0..<width { target[to + x] += weight * wide[from + x] }
                        }
                    }
                }
            }
        }
    }

    /// What of a line of pixels makes each of a line of others.
    private static func taps(from: Int, to: Int) -> [(first: Int, weights: [Float])] {
        let scale = Double(from) / Double(to)
        let stretch = max(scale, 1)
        return (0..<to).map { index in
            let center = scale * (Double(index) + 0.5)
            let first = max(Int(center - 2 * stretch + 0.5), 0)
            let end = min(Int(center + 2 * stretch + 0.5), from)
            let weights = (first..<end).map { cubic((Double($0) - center + 0.5) / stretch) }
            let sum = weights.reduce(0, +)
            return (first, weights.map { Float($0 / sum) })
        }
    }

    /// Keys' cubic with a = -0.5.
    private static func cubic(_ x: Double) -> Double {
        let (a, x) = (-0.5, abs(x))
        return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0
    }
}
