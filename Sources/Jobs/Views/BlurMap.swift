import Foundation
import Images

/// What the kernels of the last step say of the blur: for each position of the latent the direction in which their weight lies off the middle as hue (to the right red, down
/// yellow-green, left cyan, up violet), the paler the nearer to the middle, and how far it spreads as brightness. It is as large as the photograph.
struct BlurMap: RestorationView {
    let name = "blur-map"

    func steps(of count: Int) -> [Int] { [count - 1] }

    func picture(_ material: ViewMaterial) throws -> Photo {
        let kernels = material.kernels[material.stepCount - 1]!
        let (height, width, size) = (material.latentHeight, material.latentWidth, material.kernelSize)
        var moments: [(dx: Float, dy: Float, spread: Float)] = []
        for y in 0..<height {
            for x in 0..<width {
                let weights = material.kernel(kernels, y: y, x: x, combine: abs)
                let total = max(weights.reduce(0, +), 1e-20)
                let middle = Float(size / 2)
                var (dx, dy, squares): (Float, Float, Float) = (0, 0, 0)
                for (tap, weight) in weights.enumerated() {
                    let (i, j) = (Float(tap % size) - middle, Float(tap / size) - middle)
                    dx += weight * i / total
                    dy += weight * j / total
                    squares += weight * (i * i + j * j) / total
                }
                moments.append((dx, dy, max(0, squares - dx * dx - dy * dy).squareRoot()))
            }
        }
        // By all but the extremes, since blur differs little within most photographs.
        func range(_ values: [Float]) -> (low: Float, high: Float) {
            let sorted = values.sorted()
            return (sorted[sorted.count / 100], max(sorted[(sorted.count - 1) * 99 / 100], sorted[sorted.count / 100] + 1e-6))
        }
        let (spread, offset) = (range(moments.map(\.spread)), range(moments.map { hypotf($0.dx, $0.dy) }))
        var canvas = Canvas(width: material.photo.width, height: material.photo.height)
        for (index, moment) in moments.enumerated() {
            let value = 0.15 + 0.85 * min(max((moment.spread - spread.low) / (spread.high - spread.low), 0), 1)
            let color = BlurMap.color(
                hue: atan2f(moment.dy, moment.dx) / (2 * .pi), saturation: min(1, hypotf(moment.dx, moment.dy) / offset.high), value: value)
            let side = material.latentFactor
            canvas.fill(x: index % width * side, y: index / width * side, width: side, height: side, color)
        }
        return canvas.photo
    }

    static func color(hue: Float, saturation: Float, value: Float) -> (UInt8, UInt8, UInt8) {
        func level(_ shift: Float) -> UInt8 {
            let place = (hue + shift) - (hue + shift).rounded(.down)
            let full = min(max(abs(place * 6 - 3) - 1, 0), 1)
            return UInt8((255 * value * (1 - saturation + saturation * full)).rounded())
        }
        return (level(0), level(2 / 3), level(1 / 3))
    }
}
