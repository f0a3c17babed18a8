import Foundation
import Images

/// The way of a camera, or of an object in its picture, while the shutter is open, after Boracchi and Foi, "Modeling the performance of image restoration from motion blur" (2012).
///
/// A point moves at constant speed. At each step its direction is pushed at random, pulled back to where the point began, and now and then nearly reversed, as by a jerk of a hand. How much
/// of that there is, is its anxiety.
public struct Trajectory: Hashable, Sendable {
    /// In pixels, at even times. Their mean is 0: a blurred picture stays where the sharp one is.
    public private(set) var points: [SIMD2<Double>]
    public let anxiety: Double
    /// What it was scaled by: to have a given extent, or to fit into a kernel.
    public private(set) var scale = 1.0

    /// What trajectories are drawn from.
    public struct Options: Hashable, Sendable {
        /// Of the whole way, in pixels.
        public var length = 1.0...1000.0
        /// The largest distance between two points of the way in pixels. Ways are scaled to it, where it is given.
        public var extent: ClosedRange<Double>?
        public var anxiety = 0.005...0.1
        /// A side of the kernels, odd. Ways that are too large for it are scaled down.
        public var kernelSize = 65

        public init() {}
    }

    /// Of its points; one less than them are moved over.
    static let steps = 2000

    /// A way through given points.
    public init(points: [SIMD2<Double>]) {
        precondition(points.count > 1, "a way has two points at least")
        self.points = points
        anxiety = 0
        center()
    }

    /// A random one.
    public init(_ options: Options, _ random: inout SeededNumbers) {
        let length = random.uniform(in: options.length)
        anxiety = random.logarithmic(in: options.anxiety)
        let pull = 0.7 * random.uniform()
        let push = 10 * random.uniform()
        let jerks = 0.2 * random.uniform() * anxiety
        let pace = length / Double(Trajectory.steps)
        var direction = random.direction()
        var place = SIMD2<Double>.zero
        points = [place]
        for _ in 0..<Trajectory.steps {
            var change = anxiety * (push * SIMD2(random.normal(), random.normal()) - pull * place)
            if random.uniform() < jerks {
                // Half a turn, and up to half a radian to either side: the turn by an angle is a fraction of its half's tangent.
                let half = 0.2553 * (2 * random.uniform() - 1)
                let (cosine, sine) = ((1 - half * half) / (1 + half * half), 2 * half / (1 + half * half))
                change -= 2 * SIMD2(cosine * direction.x - sine * direction.y, sine * direction.x + cosine * direction.y)
            }
            let pushed = direction + change
            let size = (pushed * pushed).sum().squareRoot()
            if size > 1e-9 { direction = pushed / size }
            place += pace * direction
            points.append(place)
        }
        center()
        if let extent = options.extent { resize(by: random.uniform(in: extent) / max(self.extent, 1e-9)) }
        let reach = points.reduce(0) { max($0, abs($1.x), abs($1.y)) }
        // The way is drawn with points as wide as a pixel.
        let room = Double(options.kernelSize / 2) - 1
        if reach > room { resize(by: room / reach) }
    }

    private mutating func center() {
        // Of the times between the points, which is what is drawn.
        let sum = zip(points, points.dropFirst()).reduce(SIMD2<Double>.zero) { $0 + ($1.0 + $1.1) / 2 }
        let mean = sum / Double(points.count - 1)
        for index in points.indices { points[index] -= mean }
    }

    private mutating func resize(by factor: Double) {
        scale *= factor
        for index in points.indices { points[index] *= factor }
    }

    /// Of the whole way, in pixels.
    public var length: Double { zip(points, points.dropFirst()).reduce(0) { $0 + (($1.1 - $1.0) * ($1.1 - $1.0)).sum().squareRoot() } }

    /// The largest distance between two of its points, in pixels.
    public var extent: Double {
        // One in five: they are at most half a pixel apart.
        let some = stride(from: 0, to: points.count, by: 5).map { points[$0] } + [points[points.count - 1]]
        var largest = 0.0
        for (index, point) in some.enumerated() {
            for other in some[..<index] { largest = max(largest, ((point - other) * (point - other)).sum()) }
        }
        return largest.squareRoot()
    }

    /// Where most of the way goes: degrees from the right, clockwise as in a picture whose y goes down, in 0..<180.
    public var direction: Double {
        var (xx, xy, yy) = (0.0, 0.0, 0.0)
        for point in points { (xx, xy, yy) = (xx + point.x * point.x, xy + point.x * point.y, yy + point.y * point.y) }
        let angle = atan2(2 * xy, xx - yy) / 2 * 180 / Double.pi
        return angle < 0 ? angle + 180 : angle
    }

    /// Its curvature: degrees that it turns by on a pixel of its way, on average, seen in pieces of a pixel.
    public var turning: Double {
        var (last, way, pieces) = (points[0], 0.0, [SIMD2<Double>]())
        for (point, next) in zip(points, points.dropFirst()) {
            let move = next - point
            way += (move * move).sum().squareRoot()
            if way >= 1 {
                pieces.append(next - last)
                (last, way) = (next, 0)
            }
        }
        guard pieces.count > 1 else { return 0 }
        let turns = zip(pieces, pieces.dropFirst()).map { abs(atan2($0.x * $1.y - $0.y * $1.x, ($0 * $1).sum())) }
        return turns.reduce(0, +) / Double(turns.count) * 180 / Double.pi
    }
}

/// How a point of light is spread: size x size shares whose sum is 1.
public struct BlurKernel: Hashable, Sendable {
    /// Of a side, odd.
    public let size: Int
    /// Row by row.
    public let shares: [Float]

    /// The middle.
    public var reach: Int { size / 2 }

    /// A trajectory, each point of which spreads over the pixels around it by how near they are (bilinearly).
    ///
    /// - Precondition: it fits into the size; see ``Trajectory/Options/kernelSize``.
    public init(_ trajectory: Trajectory, size: Int) {
        precondition(size >= 3 && !size.isMultiple(of: 2), "the size of a kernel is odd")
        self.size = size
        var sums = [Double](repeating: 0, count: size * size)
        let middle = Double(size / 2)
        for (first, second) in zip(trajectory.points, trajectory.points.dropFirst()) {
            let place = (first + second) / 2 + middle
            let (column, row) = (Int(place.x.rounded(.down)), Int(place.y.rounded(.down)))
            precondition(column >= 0 && row >= 0 && column < size - 1 && row < size - 1, "the trajectory leaves the kernel")
            let (right, down) = (place.x - Double(column), place.y - Double(row))
            sums[row * size + column] += (1 - right) * (1 - down)
            sums[row * size + column + 1] += right * (1 - down)
            sums[(row + 1) * size + column] += (1 - right) * down
            sums[(row + 1) * size + column + 1] += right * down
        }
        let total = Double(trajectory.points.count - 1)
        shares = sums.map { Float($0 / total) }
    }
}

extension BlurKernel {
    /// Kernels side by side, each as bright as its largest share allows.
    public static func picture(of kernels: [BlurKernel]) -> Photo {
        let size = kernels[0].size
        let width = kernels.count * (size + 1) - 1
        var samples = [UInt16](repeating: 0, count: width * size * 3)
        for (number, kernel) in kernels.enumerated() {
            let largest = kernel.shares.max()!
            for y in 0..<size {
                for x in 0..<size {
                    let place = (y * width + number * (size + 1) + x) * 3
                    for channel in 0..<3 { samples[place + channel] = UInt16((kernel.shares[y * size + x] / largest * 65535).rounded()) }
                }
            }
        }
        return Photo(width: width, height: size, samples: .sixteen(samples), isGray: true)
    }
}
