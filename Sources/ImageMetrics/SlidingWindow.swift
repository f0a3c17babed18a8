import Foundation

/// A window that slides over two planes of the same size, all of it inside them, with weights that are the product of those of its rows and of its columns.
struct SlidingWindow: Sendable {
    /// Of the middle, then of those beside it on both sides.
    let weights: [Double]
    var radius: Int { weights.count - 1 }

    init(weights: [Double]) { self.weights = weights }

    /// A Gaussian whose weights' sum is 1.
    init(sigma: Double, radius: Int) {
        let weights = (0...radius).map { exp(-Double($0 * $0) / (2 * sigma * sigma)) }
        let sum = weights[0] + 2 * weights.dropFirst().reduce(0, +)
        self.weights = weights.map { $0 / sum }
    }

    /// Weighted means over the windows whose middles lie in one row: `count` numbers each.
    struct Means {
        let count: Int
        let first: UnsafePointer<Double>
        let second: UnsafePointer<Double>
        /// Of the sum of both squares.
        let squares: UnsafePointer<Double>
        let products: UnsafePointer<Double>
    }

    /// Calls `body` with each row of means, from above. Only as many rows as the window has are held.
    ///
    /// - Precondition: the planes are at least as large as the window.
    func slide(over first: Plane, _ second: Plane, _ body: (_ row: Int, Means) -> Void) {
        let (width, size) = (first.width, 2 * radius + 1)
        let count = width - 2 * radius
        precondition(count > 0 && first.height >= size && second.width == width && second.height == first.height, "planes do not fit the window")
        let line = UnsafeMutablePointer<Double>.allocate(capacity: 4 * width)
        let ring = UnsafeMutablePointer<Double>.allocate(capacity: size * 4 * count)
        let result = UnsafeMutablePointer<Double>.allocate(capacity: 4 * count)
        defer {
            line.deallocate()
            ring.deallocate()
            result.deallocate()
        }
        first.values.withUnsafeBufferPointer { first in
            second.values.withUnsafeBufferPointer { second in
                for y in 0..<first.count / width {
                    let (a, b) = (first.baseAddress! + y * width, second.baseAddress! + y * width)
                    for x in 0..<width {
                        let (p, q) = (Double(a[x]), Double(b[x]))
                        line[x] = p
                        line[width + x] = q
                        line[2 * width + x] = p * p + q * q
                        line[3 * width + x] = p * q
                    }
                    let row = ring + y % size * 4 * count
                    for part in 0..<4 {
                        let middle = line + part * width + radius
                        sum(row + part * count, count) { (middle - $0, middle + $0) }
                    }
                    guard y >= 2 * radius else { continue }
                    let middle = y - radius
                    sum(result, 4 * count) { (ring + (middle - $0) % size * 4 * count, ring + (middle + $0) % size * 4 * count) }
                    body(
                        y - 2 * radius,
                        Means(count: count, first: result, second: result + count, squares: result + 2 * count, products: result + 3 * count))
                }
            }
        }
    }

    /// The weighted sum of what lies on both sides at each distance.
    @inline(__always)
    private func sum(_ target: UnsafeMutablePointer<Double>, _ count: Int, _ sides: (Int) -> (UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>)) {
        let middle = sides(0).0
        var weight = weights[0]
        for x in 0..<count { target[x] = weight * middle[x] }
        for distance in 1...radius {
            let (before, behind) = sides(distance)
            weight = weights[distance]
            for x in 0..<count { target[x] += weight * (before[x] + behind[x]) }
        }
    }
}
