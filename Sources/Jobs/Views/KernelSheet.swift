import Images

/// Kernels of the last step at positions spread evenly over the photograph, where they are in it: the mean over channels, red above zero and blue below, white at zero, all by the
/// largest. The middle has the photograph's own share of 1 in it, since guidance adds it.
struct KernelSheet: RestorationView {
    let name = "kernels"
    private static let (most, cell, gap) = (12, 8, 6)

    func steps(of count: Int) -> [Int] { [count - 1] }

    func picture(_ material: ViewMaterial) throws -> Photo {
        let kernels = material.kernels[material.stepCount - 1]!
        let (height, width, size) = (material.latentHeight, material.latentWidth, material.kernelSize)
        let longest = max(height, width)
        let (rows, columns) = (max(1, min(height, KernelSheet.most * height / longest)), max(1, min(width, KernelSheet.most * width / longest)))
        var all: [[Float]] = []
        for row in 0..<rows {
            for column in 0..<columns {
                var weights = material.kernel(kernels, y: (2 * row + 1) * height / (2 * rows), x: (2 * column + 1) * width / (2 * columns)) { $0 }
                weights[size * size / 2] += 1
                all.append(weights)
            }
        }
        let largest = max(all.joined().map(abs).max() ?? 0, 1e-20)
        let (cell, gap) = (KernelSheet.cell, KernelSheet.gap)
        let side = size * cell + gap
        var canvas = Canvas(width: columns * side + gap, height: rows * side + gap, gray: 200)
        for (index, weights) in all.enumerated() {
            for (tap, weight) in weights.enumerated() {
                // The square root shows small ones.
                let pale = UInt8((255 * (1 - (abs(weight) / largest).squareRoot())).rounded())
                canvas.fill(
                    x: gap + index % columns * side + tap % size * cell, y: gap + index / columns * side + tap / size * cell, width: cell, height: cell,
                    weight < 0 ? (pale, pale, 255) : (255, pale, pale))
            }
        }
        return canvas.photo
    }
}
