/// What many trajectories are like.
public struct MotionStatistics: Codable, Hashable, Sendable {
    public struct Spread: Codable, Hashable, Sendable {
        public var least: Double
        /// A twentieth is below.
        public var low: Double
        public var median: Double
        public var mean: Double
        /// A twentieth is above.
        public var high: Double
        public var most: Double

        /// - Precondition: there are values.
        public init(_ values: [Double]) {
            let sorted = values.sorted()
            func at(_ share: Double) -> Double { sorted[Int((share * Double(sorted.count - 1)).rounded())] }
            (least, low, median, high, most) = (at(0), at(0.05), at(0.5), at(0.95), at(1))
            mean = values.reduce(0, +) / Double(values.count)
        }
    }

    public var count: Int
    /// In pixels.
    public var length: Spread
    /// In pixels.
    public var extent: Spread
    /// Extent over length: 1 for a straight line.
    public var straightness: Spread
    /// Degrees a pixel of the way.
    public var turning: Spread
    /// Share of those that were scaled down to fit.
    public var fitted: Double

    /// Nil without motions.
    public init?(_ motions: [BlurMaker.Motion]) {
        guard !motions.isEmpty else { return nil }
        count = motions.count
        length = Spread(motions.map(\.length))
        extent = Spread(motions.map(\.extent))
        straightness = Spread(motions.map { $0.length > 0 ? $0.extent / $0.length : 1 })
        turning = Spread(motions.map(\.turning))
        fitted = Double(motions.count { $0.scale < 1 }) / Double(motions.count)
    }
}
