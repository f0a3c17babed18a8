import Images
import Tensors

/// Samples in 0...255, row by row.
struct Plane: Sendable {
    let width: Int
    let height: Int
    var values: [Float]

    /// Each value of the result is made from its row and column.
    init(width: Int, height: Int, _ value: (_ y: Int, _ x: Int) -> Float) {
        (self.width, self.height) = (width, height)
        values = [Float](unsafeUninitializedCapacity: width * height) { buffer, count in
            for y in 0..<height { for x in 0..<width { buffer[y * width + x] = value(y, x) } }
            count = width * height
        }
    }

    func mapped(_ value: (Float) -> Float) -> Plane {
        values.withUnsafeBufferPointer { values in Plane(width: width, height: height) { value(values[$0 * width + $1]) } }
    }

    /// With `margin` more samples on each side: zeros, or the nearest sample's.
    func padded(by margin: Int, repeatingEdges: Bool) -> Plane {
        values.withUnsafeBufferPointer { values in
            Plane(width: width + 2 * margin, height: height + 2 * margin) { y, x in
                let (y, x) = (y - margin, x - margin)
                if !repeatingEdges, y < 0 || x < 0 || y >= height || x >= width { return 0 }
                return values[min(max(y, 0), height - 1) * width + min(max(x, 0), width - 1)]
            }
        }
    }

    /// Half as large, each sample the mean of four. A last odd row or column counts twice.
    var halved: Plane {
        values.withUnsafeBufferPointer { values in
            Plane(width: (width + 1) / 2, height: (height + 1) / 2) { y, x in
                let at = 2 * y * width + 2 * x
                let (down, right) = (2 * y + 1 < height ? width : 0, 2 * x + 1 < width ? 1 : 0)
                return (values[at] + values[at + right] + values[at + down] + values[at + down + right]) / 4
            }
        }
    }
}

/// A photograph as metrics see it: its colours in sRGB, whatever its profile is; transparency is passed over. For one thread at a time.
public final class MeasuredImage {
    public let width: Int
    public let height: Int
    /// Red, green and blue, 0...255.
    let colors: [Plane]
    /// Y of ITU-R BT.601 in 16...235, as MATLAB's `rgb2ycbcr` has it, without rounding.
    private(set) lazy var luma = weighted(65.481 / 255, 128.553 / 255, 24.966 / 255, 16, rounds: false)
    /// Grey levels 0...255, whole numbers, as MATLAB's `rgb2gray` has them.
    private(set) lazy var gray = weighted(0.298936021293775, 0.587043074451121, 0.114020904255103, 0, rounds: true)

    public init(_ photo: Photo) {
        (width, height) = (photo.width, photo.height)
        let count = width * height
        // So that levels of 8 bits are whole numbers.
        let rounds = photo.samples.bits == 8 && photo.metadata.colorProfile == nil
        let (width, height) = (width, height)
        colors = photo.planes().withFloats { floats in
            (0..<3).map { channel in
                Plane(width: width, height: height) {
                    let value = floats[channel * count + $0 * width + $1] * 255
                    return rounds ? value.rounded() : value
                }
            }
        }
    }

    /// [1, 3, height, width], red, green and blue, 0...1.
    public var tensor: Tensor {
        Tensor(TensorType(.float32, [1, 3, height, width])) { floats in
            for (index, plane) in colors.enumerated() {
                for (place, value) in plane.values.enumerated() { floats[index * plane.values.count + place] = value / 255 }
            }
        }
    }

    private func weighted(_ red: Double, _ green: Double, _ blue: Double, _ offset: Double, rounds: Bool) -> Plane {
        colors[0].values.withUnsafeBufferPointer { r in
            colors[1].values.withUnsafeBufferPointer { g in
                colors[2].values.withUnsafeBufferPointer { b in
                    Plane(width: width, height: height) {
                        let at = $0 * width + $1
                        let sum = offset + red * Double(r[at]) + green * Double(g[at]) + blue * Double(b[at])
                        return Float(rounds ? sum.rounded() : sum)
                    }
                }
            }
        }
    }
}

/// What of an image is compared.
enum ComparedPlanes: Sendable {
    /// Red, green and blue.
    case colors
    /// ``MeasuredImage/luma``.
    case luma

    func callAsFunction(_ image: MeasuredImage) -> [Plane] { self == .colors ? image.colors : [image.luma] }
}
