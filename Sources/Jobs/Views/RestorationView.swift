import DeblurDiff
import Files
import Images
import Tensors

/// A picture that explains how a result came about. A new one is a file in `Views` and a line in ``RestorationViews/all``.
public protocol RestorationView: Sendable {
    /// Of its option: "blur-map".
    var name: String { get }

    /// Steps at which it looks, of so many, counted from 0.
    func steps(of count: Int) -> [Int]

    func picture(_ material: ViewMaterial) throws -> Photo
}

public enum RestorationViews {
    public static let all: [any RestorationView] = [ContactSheet(), BlurMap(), KernelSheet()]
}

/// What the networks passed on to each other while a photograph was restored.
public struct ViewMaterial {
    public let photo: Photo
    public let result: Photo
    public let stepCount: Int
    /// Image pixels along a side of a latent position.
    public let latentFactor: Int
    public let kernelSize: Int
    /// By step: the latent that the predicted kernels make of the photograph's, [1, C, h, w].
    public let guidance: [Int: Tensor]
    /// By step: kernels, [1, C k k, h, w].
    public let kernels: [Int: Tensor]
    /// What a latent looks like.
    public let decode: (Tensor) throws -> Photo

    public init(
        photo: Photo, result: Photo, stepCount: Int, latentFactor: Int, kernelSize: Int, guidance: [Int: Tensor], kernels: [Int: Tensor],
        decode: @escaping (Tensor) throws -> Photo
    ) {
        (self.photo, self.result, self.stepCount, self.latentFactor, self.kernelSize) = (photo, result, stepCount, latentFactor, kernelSize)
        (self.guidance, self.kernels, self.decode) = (guidance, kernels, decode)
    }

    /// The kernels of a position, each weight summed over channels by `combine`: k x k numbers, row by row.
    func kernel(_ kernels: Tensor, y: Int, x: Int, combine: (Float) -> Float) -> [Float] {
        let (area, size) = (kernels.shape[2] * kernels.shape[3], kernelSize * kernelSize)
        let channels = kernels.shape[1] / size
        var sums = [Float](repeating: 0, count: size)
        kernels.withFloats { floats in
            for channel in 0..<channels {
                for tap in 0..<size { sums[tap] += combine(floats[(channel * size + tap) * area + y * kernels.shape[3] + x]) }
            }
        }
        return sums.map { $0 / Float(max(channels, 1)) }
    }

    /// Positions of a latent that have any of the photograph.
    var latentHeight: Int { (photo.height + latentFactor - 1) / latentFactor }
    var latentWidth: Int { (photo.width + latentFactor - 1) / latentFactor }
}

/// Pixels to draw on.
struct Canvas {
    let width: Int
    let height: Int
    private(set) var pixels: [UInt8]

    init(width: Int, height: Int, gray: UInt8 = 255) {
        (self.width, self.height) = (width, height)
        pixels = [UInt8](repeating: gray, count: width * height * 3)
    }

    mutating func fill(x: Int, y: Int, width: Int, height: Int, _ color: (UInt8, UInt8, UInt8)) {
        for row in max(0, y)..<min(self.height, y + height) {
            for column in max(0, x)..<min(self.width, x + width) {
                let at = (row * self.width + column) * 3
                (pixels[at], pixels[at + 1], pixels[at + 2]) = color
            }
        }
    }

    /// Draws a picture into a box, each pixel the mean of those that it covers.
    mutating func draw(_ photo: Photo, x: Int, y: Int, width: Int, height: Int) {
        let source = photo.pixels
        for row in 0..<height {
            let rows = row * photo.height / height..<max(row * photo.height / height + 1, (row + 1) * photo.height / height)
            for column in 0..<width {
                let columns = column * photo.width / width..<max(column * photo.width / width + 1, (column + 1) * photo.width / width)
                for color in 0..<3 {
                    var sum = 0
                    for r in rows { for c in columns { sum += Int(source[(r * photo.width + c) * 3 + color]) } }
                    pixels[((y + row) * self.width + x + column) * 3 + color] = UInt8(sum / (rows.count * columns.count))
                }
            }
        }
    }

    var photo: Photo { Photo(width: width, height: height, pixels: pixels) }
}
