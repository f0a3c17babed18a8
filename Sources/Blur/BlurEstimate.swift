import Foundation
import Images

/// How blurred a photograph is, told from itself alone.
///
/// In a sharp picture the largest differences of brightness between neighbours are nearly as large as those between pixels eight apart. In one that is blurred over n pixels they grow in
/// proportion to the distance, up to n. The measure is how they grow in eight directions, in windows of the picture with some contrast; the extent follows by a formula that was fitted to
/// photographs with made blur (`Docs/Blur.md`).
public struct BlurEstimate: Codable, Hashable, Sendable {
    /// Of the blur in pixels of the photograph, where it is sharpest; see ``Trajectory/extent``.
    public var extent: Double
    /// Along which it is most blurred, in degrees clockwise from the right, 0..<180; nil where no direction stands out.
    public var direction: Double?
    /// Whether all parts seem to be blurred alike; nil where the photograph is nearly sharp.
    public var isUniform: Bool?
    /// So many windows had contrast enough to tell.
    public var windows: Int

    /// Below this a photograph is nearly sharp, in pixels, and restoring is likely to take more than it gives.
    public static let nearlySharp = 2.0

    public var isNearlySharp: Bool { extent < BlurEstimate.nearlySharp }

    /// Nil where the photograph is too small or too flat to tell.
    public init?(_ photo: Photo) {
        // Long blur is measured where it is short: in the picture at a half, a quarter ...
        var (scale, estimate) = (1, BlurEstimate(photo, scale: 1))
        while let last = estimate, last.extent > 30 * Double(scale), let next = BlurEstimate(photo, scale: 2 * scale) {
            (scale, estimate) = (2 * scale, next)
        }
        guard let estimate else { return nil }
        self = estimate
    }

    private init?(_ photo: Photo, scale: Int) {
        let windows = BlurWindow.all(of: photo, scale: scale)
        let contrasts = windows.map(\.contrast).sorted()
        guard !contrasts.isEmpty else { return nil }
        let least = max(0.15, contrasts[Int(0.3 * Double(contrasts.count))])
        let telling = windows.filter { $0.contrast >= least }
        guard !telling.isEmpty else { return nil }
        self.windows = telling.count
        /// For each direction, how much less than in proportion differences grow, where the picture is sharpest.
        let bends = BlurWindow.directions.indices.map { direction in BlurEstimate.quantile(0.9, telling.map { $0.bends[direction] }) }
        extent = Double(scale) * BlurEstimate.extent(of: bends)
        var (sine, cosine) = (0.0, 0.0)
        for (bend, step) in zip(bends, BlurWindow.directions) {
            let angle = 2 * atan2(Double(step.y), Double(step.x))
            (sine, cosine) = (sine + bend * sin(angle), cosine + bend * cos(angle))
        }
        // Across the direction in which it is sharpest.
        let sharpest = atan2(sine, cosine) / 2 * 180 / Double.pi
        let strength = (sine * sine + cosine * cosine).squareRoot() / max(bends.reduce(0, +), 1e-9)
        direction = extent >= BlurEstimate.nearlySharp && strength > 0.05 ? (sharpest + 90).truncatingRemainder(dividingBy: 180) : nil
        let extents = telling.map { BlurEstimate.extent(of: $0.bends) }
        let (low, high) = (BlurEstimate.quantile(0.2, extents), BlurEstimate.quantile(0.8, extents))
        spread = log((high + 1) / (low + 1))
        isUniform = extent < BlurEstimate.nearlySharp ? nil : spread < BlurEstimate.unevenSpread
    }

    /// Of the windows' extents, as a logarithm.
    public var spread: Double
    private static let unevenSpread = 0.9

    /// The extent in the direction with the least bend, where the picture is most blurred.
    private static func extent(of bends: [Double]) -> Double {
        let bend = bends.min()!
        return max(0, exp(3.7082 - 3.7852 * bend + 0.4326 * bend * bend) - 1)
    }

    static func quantile(_ share: Double, _ values: [Double]) -> Double {
        let sorted = values.sorted()
        let place = share * Double(sorted.count - 1)
        let index = min(Int(place), max(sorted.count - 2, 0))
        let next = min(index + 1, sorted.count - 1)
        return sorted[index] + (place - Double(index)) * (sorted[next] - sorted[index])
    }
}

/// A square of a picture's brightness.
private struct BlurWindow {
    static let side = 96
    /// The most windows that are looked at along a side of the picture, about.
    static let most = 14
    static let directions: [(x: Int, y: Int)] = [(1, 0), (2, 1), (1, 1), (1, 2), (0, 1), (-1, 2), (-1, 1), (-2, 1)]
    /// Between the brightest and the darkest hundredth.
    let contrast: Double
    /// For each direction: the logarithm of the largest difference over a pixel, against that over eight for each of them. 0 where differences grow in proportion.
    let bends: [Double]

    static func all(of photo: Photo, scale: Int) -> [BlurWindow] {
        let (width, height) = (photo.width / scale - 2, photo.height / scale - 2)
        guard width >= side, height >= side else { return [] }
        let step = max(side / 2, Int((Double(width) * Double(height) / Double(most * most)).squareRoot()))
        return stride(from: 0, through: height - side, by: step).flatMap { y in
            stride(from: 0, through: width - side, by: step).map { x in BlurWindow(brightness(of: photo, x, y, scale)) }
        }
    }

    /// Of a window and a pixel around it, smoothed to the window: noise is less, edges hardly softer.
    private static func brightness(of photo: Photo, _ left: Int, _ top: Int, _ scale: Int) -> [Float] {
        let wide = side + 2
        var raw = [Float](repeating: 0, count: wide * wide)
        func fill<Value: FixedWidthInteger & UnsignedInteger>(_ samples: [Value]) {
            let share = 1 / (Float(Value.max) * Float(scale * scale))
            samples.withUnsafeBufferPointer { samples in
                for y in 0..<wide * scale {
                    for x in 0..<wide * scale {
                        let place = ((top * scale + y) * photo.width + left * scale + x) * 3
                        let level = 0.299 * Float(samples[place]) + 0.587 * Float(samples[place + 1]) + 0.114 * Float(samples[place + 2])
                        raw[y / scale * wide + x / scale] += level * share
                    }
                }
            }
        }
        switch photo.samples {
        case .eight(let samples): fill(samples)
        case .sixteen(let samples): fill(samples)
        }
        var result = [Float](repeating: 0, count: side * side)
        for y in 0..<side {
            for x in 0..<side {
                func line(_ row: Int) -> Float { raw[row * wide + x] + 2 * raw[row * wide + x + 1] + raw[row * wide + x + 2] }
                result[y * side + x] = (line(y) + 2 * line(y + 1) + line(y + 2)) / 16
            }
        }
        return result
    }

    private init(_ brightness: [Float]) {
        var counts = [Int32](repeating: 0, count: 4097)
        /// The value below which a share of the counted values is.
        func level(_ share: Double, of total: Int) -> Double {
            var rest = Int(share * Double(total - 1))
            for (bin, count) in counts.enumerated() {
                rest -= Int(count)
                if rest < 0 { return (Double(bin) + 0.5) / 4096 }
            }
            return 1
        }
        let side = BlurWindow.side
        for value in brightness { counts[Int(min(max(value, 0), 1) * 4096)] += 1 }
        contrast = level(0.99, of: side * side) - level(0.01, of: side * side)
        // Nothing will be asked of it.
        guard contrast >= 0.15 else {
            bends = []
            return
        }
        bends = BlurWindow.directions.map { step in
            let size = Double(step.x * step.x + step.y * step.y).squareRoot()
            /// The largest difference over so many pixels, but for a hundredth, for each of them.
            func slope(_ lag: Double) -> Double {
                let count = max(1, Int((lag / size).rounded()))
                let (dx, dy) = (step.x * count, step.y * count)
                for index in counts.indices { counts[index] = 0 }
                var total = 0
                brightness.withUnsafeBufferPointer { brightness in
                    counts.withUnsafeMutableBufferPointer { counts in
                        let columns = max(0, -dx)..<side - max(0, dx)
                        for y in 0..<side - dy {
                            for x in columns { counts[Int(min(abs(brightness[(y + dy) * side + x + dx] - brightness[y * side + x]), 1) * 4096)] += 1 }
                        }
                        total = columns.count * (side - dy)
                    }
                }
                return level(0.99, of: total) / (Double(count) * size)
            }
            return log(slope(1) / slope(8))
        }
    }
}
