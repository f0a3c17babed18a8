import Files

/// A mean, and where it lies with a confidence of 95 %, by bootstrap: 2,000 draws with replacement, the same each time.
public struct Summary: Hashable, Sendable {
    public let mean: Double
    public let low: Double
    public let high: Double
    /// Values that were averaged.
    public let count: Int
    /// Values that were left out since they are infinite, as the PSNR of equal images is.
    public let infinite: Int

    /// Nil for no values. If all are infinite, so is the mean.
    public init?(_ all: [Double]) {
        let values = all.filter(\.isFinite)
        (count, infinite) = (values.count, all.count - values.count)
        guard !values.isEmpty else {
            guard let first = all.first else { return nil }
            (mean, low, high) = (first, first, first)
            return
        }
        mean = values.reduce(0, +) / Double(values.count)
        var random = SeededGenerator(state: 231)
        let means = (0..<2000).map { _ in
            var sum = 0.0
            for _ in values { sum += values[Int(random.next(upperBound: UInt64(values.count)))] }
            return sum / Double(values.count)
        }.sorted()
        (low, high) = (means[49], means[1949])
    }
}
