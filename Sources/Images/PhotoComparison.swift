import Foundation

/// How much two photos of the same size differ, over all their colour samples.
public struct PhotoComparison: Hashable, Sendable {
    /// `differenceCounts[d]` samples differ by d 8-bit levels; 256 entries.
    public let differenceCounts: [Int]

    /// - Precondition: both have the same size. Opacity and metadata are not compared.
    public init(_ first: Photo, _ second: Photo) {
        precondition(first.width == second.width && first.height == second.height, "photos of different sizes")
        var counts = [Int](repeating: 0, count: 256)
        first.pixels.withUnsafeBufferPointer { a in
            second.pixels.withUnsafeBufferPointer { b in
                for index in 0..<a.count { counts[abs(Int(a[index]) - Int(b[index]))] += 1 }
            }
        }
        differenceCounts = counts
    }

    private var sampleCount: Int { differenceCounts.reduce(0, +) }

    /// The largest difference, in 8-bit levels.
    public var largestDifference: Int { differenceCounts.lastIndex { $0 > 0 } ?? 0 }

    /// The mean of the squared differences, in squared 8-bit levels.
    public var meanSquaredError: Double {
        let total = differenceCounts.enumerated().reduce(0) { $0 + $1.offset * $1.offset * $1.element }
        return Double(total) / Double(sampleCount)
    }

    /// Peak signal-to-noise ratio in decibels, 10 log10(255^2 / MSE); infinite for equal photos.
    public var psnr: Double { 10 * log10(255 * 255 / meanSquaredError) }

    /// The share, 0...1, of samples that differ by at most `levels` (>= 0).
    public func share(within levels: Int) -> Double {
        Double(differenceCounts.prefix(levels + 1).reduce(0, +)) / Double(sampleCount)
    }
}
