import Tensors

/// The coarse part of an image, by the "à trous" wavelet transform: what `better_start` begins from.
public enum LowFrequencies {
    static let radii = [1, 2, 4, 8, 16]

    /// Five times, for radius r = 1, 2, 4, 8, 16: each value becomes the mean of itself and its eight neighbours at distance r,
    /// weighted [[1, 2, 1], [2, 4, 2], [1, 2, 1]] / 16; outside the image its border is repeated.
    ///
    /// The kernel is [1, 2, 1] / 4 along x and then along y, which is done here.
    ///
    /// - Parameter image: [1, C, H, W] or [C, H, W], not empty. It is not changed.
    public static func of(_ image: Tensor) -> Tensor {
        let planes = ImagePlanes(image.type)
        precondition(planes.pixelCount > 0, "an empty image")
        var (result, scratch) = (image, [Float](repeating: 0, count: planes.pixelCount))
        result.withMutableFloats { floats in
            scratch.withUnsafeMutableBufferPointer { scratch in
                for channel in 0..<planes.channels {
                    let start = channel * planes.pixelCount
                    let plane = UnsafeMutableBufferPointer(rebasing: floats[start..<start + planes.pixelCount])
                    for radius in radii {
                        filterRows(plane, into: scratch, width: planes.width, radius: radius)
                        filterColumns(scratch, into: plane, width: planes.width, height: planes.height, radius: radius)
                    }
                }
            }
        }
        return result
    }

    private static func filterRows(
        _ source: UnsafeMutableBufferPointer<Float>, into target: UnsafeMutableBufferPointer<Float>, width: Int, radius: Int
    ) {
        let (first, last) = (min(radius, width), max(width - radius, min(radius, width)))
        for row in stride(from: 0, to: source.count, by: width) {
            let (input, output) = (source.baseAddress! + row, target.baseAddress! + row)
            // The borders, where neighbours are clamped, and then the inside, without a test, as wide as vectors are.
            for range in [0..<first, last..<width] {
                for x in range {
                    output[x] = mean(input[max(x - radius, 0)], input[x], input[min(x + radius, width - 1)])
                }
            }
            for x in first..<last { output[x] = mean(input[x - radius], input[x], input[x + radius]) }
        }
    }

    private static func filterColumns(
        _ source: UnsafeMutableBufferPointer<Float>, into target: UnsafeMutableBufferPointer<Float>, width: Int, height: Int,
        radius: Int
    ) {
        let (input, output) = (source.baseAddress!, target.baseAddress!)
        for y in 0..<height {
            let (above, below) = (input + max(y - radius, 0) * width, input + min(y + radius, height - 1) * width)
            let (here, out) = (input + y * width, output + y * width)
            for x in 0..<width { out[x] = mean(above[x], here[x], below[x]) }
        }
    }

    @inline(__always)
    private static func mean(_ before: Float, _ here: Float, _ after: Float) -> Float {
        0.25 * before + 0.5 * here + 0.25 * after
    }
}
