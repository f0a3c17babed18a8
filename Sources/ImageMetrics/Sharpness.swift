/// The variance of the Laplacian (the four neighbours less four times the middle) of the grey levels, inside the image. It measures edges and noise alike, so it compares results of the
/// same photograph only.
struct Sharpness: Metric {
    let name = "sharpness"
    let title = "Sharpness"
    let needsReference = false
    let decimals = 1

    func value(of image: MeasuredImage, against reference: MeasuredImage?) throws -> Double {
        try require(image, side: 3)
        let (width, height) = (image.width, image.height)
        var (sum, squares) = (0.0, 0.0)
        image.gray.values.withUnsafeBufferPointer { values in
            for y in 1..<height - 1 {
                for at in y * width + 1..<(y + 1) * width - 1 {
                    // Grey levels are whole numbers, so these sums are exact.
                    let value = Double(values[at - 1] + values[at + 1] + values[at - width] + values[at + width] - 4 * values[at])
                    sum += value
                    squares += value * value
                }
            }
        }
        let count = Double((width - 2) * (height - 2))
        return squares / count - (sum / count) * (sum / count)
    }
}
