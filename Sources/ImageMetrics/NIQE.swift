import Files
import Foundation

/// Natural image quality evaluator after Mittal, Soundararajan and Bovik (2013): how far the statistics of blocks of 96 x 96 grey levels, and of 48 x 48 of the image half as large, are
/// from those of good photographs. Lower is better. Computed as the original does, with its model; a part of the image that fills no block is passed over.
struct NIQE: Metric {
    let name = "niqe"
    let title = "NIQE"
    let needsReference = false
    let higherIsBetter = false
    let decimals = 4
    private static let side = 96
    private static let window = SlidingWindow(sigma: 7.0 / 6, radius: 3)

    func value(of image: MeasuredImage, against reference: MeasuredImage?) throws -> Double {
        let (rows, columns) = (image.height / NIQE.side, image.width / NIQE.side)
        guard rows * columns >= 2 else {
            throw InputError("\(title) is not defined without two blocks of 96 x 96 pixels, and the image has \(image.width) x \(image.height)")
        }
        var plane = image.gray.cut(width: columns * NIQE.side, height: rows * NIQE.side)
        var features = [[Double]](repeating: [], count: rows * columns)
        for side in [NIQE.side, NIQE.side / 2] {
            let normalized = NIQE.normalized(plane)
            for block in 0..<rows * columns {
                features[block] += BlockStatistics(normalized, width: plane.width, x: block % columns * side, y: block / columns * side, side: side).features
            }
            plane = plane.halvedByBicubic
        }
        return try NIQE.distance(features, title)
    }

    /// Each level less the mean around it, by the deviation around it.
    private static func normalized(_ plane: Plane) -> [Double] {
        let padded = plane.padded(by: window.radius, repeatingEdges: true)
        return [Double](unsafeUninitializedCapacity: plane.values.count) { result, count in
            plane.values.withUnsafeBufferPointer { values in
                window.slide(over: padded, padded) { row, means in
                    for x in 0..<means.count {
                        let mean = means.first[x]
                        let deviation = abs(means.products[x] - mean * mean).squareRoot()
                        result[row * means.count + x] = (Double(values[row * means.count + x]) - mean) / (deviation + 1)
                    }
                }
            }
            count = plane.values.count
        }
    }

    /// Between the blocks' Gaussian and the model's: sqrt(d' inverse((S1 + S2) / 2) d). Blocks without any texture have no statistics, and are left out.
    private static func distance(_ features: [[Double]], _ title: String) throws -> Double {
        let model = Model.standard
        let count = model.mean.count
        let whole = features.filter { $0.allSatisfy(\.isFinite) }
        guard whole.count >= 2 else { throw InputError("\(title) is not defined for an image without texture") }
        let difference = (0..<count).map { index in
            let values = features.map { $0[index] }.filter { !$0.isNaN }
            return model.mean[index] - values.reduce(0, +) / Double(values.count)
        }
        let means = (0..<count).map { index in whole.reduce(0) { $0 + $1[index] } / Double(whole.count) }
        var matrix = model.covariance
        for row in 0..<count {
            for column in 0...row {
                let sum = whole.reduce(0) { $0 + ($1[row] - means[row]) * ($1[column] - means[column]) }
                matrix[row][column] = (matrix[row][column] + sum / Double(whole.count - 1)) / 2
            }
        }
        // Cholesky's factor L, in place; the square of the distance is that of L⁻¹ d.
        var solved = difference
        for row in 0..<count {
            for column in 0...row {
                var sum = matrix[row][column]
                for inner in 0..<column { sum -= matrix[row][inner] * matrix[column][inner] }
                matrix[row][column] = column < row ? sum / matrix[column][column] : sum.squareRoot()
            }
            for column in 0..<row { solved[row] -= matrix[row][column] * solved[column] }
            solved[row] /= matrix[row][row]
        }
        let squares = solved.reduce(0) { $0 + $1 * $1 }
        guard squares.isFinite else { throw InputError("\(title) is not defined for an image without texture") }
        return squares.squareRoot()
    }

    /// Of photographs without distortion.
    private struct Model {
        var mean: [Double] = []
        /// Its lower half.
        var covariance: [[Double]] = []

        static let standard = Model()

        private init() {
            for line in String(decoding: PackageResources.niqe_txt, as: UTF8.self).split(separator: "\n") where !line.hasPrefix("#") {
                let numbers = line.split(separator: " ").map { Double($0)! }
                if mean.count < 36 { mean += numbers } else { covariance.append(numbers) }
            }
        }
    }
}

/// What the values of a block, and the products of each with a neighbour, are distributed like: shape, and spread on both sides.
private struct BlockStatistics {
    var features: [Double] = []

    init(_ values: [Double], width: Int, x left: Int, y top: Int, side: Int) {
        var block = [Double](repeating: 0, count: side * side)
        for y in 0..<side { for x in 0..<side { block[y * side + x] = values[(top + y) * width + left + x] } }
        let own = Spread(block)
        features = [own.shape, (own.left + own.right) / 2]
        var products = block
        for (dy, dx) in [(0, 1), (1, 0), (1, 1), (1, side - 1)] {
            // Neighbours beyond an edge are those of the opposite edge.
            for y in 0..<side {
                let from = (y + side - dy) % side * side
                for x in 0..<side { products[y * side + x] = block[y * side + x] * block[from + (x + side - dx) % side] }
            }
            let spread = Spread(products)
            let mean = (spread.right - spread.left) * tgamma(2 / spread.shape) / tgamma(1 / spread.shape)
            features += [spread.shape, mean, spread.left, spread.right]
        }
    }

    /// An asymmetric generalised Gaussian, by its moments.
    private struct Spread {
        let shape: Double
        let left: Double
        let right: Double

        init(_ values: [Double]) {
            var (below, above, all) = (0.0, 0.0, 0.0)
            var (belowCount, aboveCount) = (0, 0)
            for value in values {
                all += abs(value)
                if value < 0 {
                    below += value * value
                    belowCount += 1
                } else if value > 0 {
                    above += value * value
                    aboveCount += 1
                }
            }
            let (left, right) = ((below / Double(belowCount)).squareRoot(), (above / Double(aboveCount)).squareRoot())
            let ratio = left / right
            let count = Double(values.count)
            let moments = (all / count) * (all / count) / ((below + above) / count)
            let wanted = moments * (ratio * ratio * ratio + 1) * (ratio + 1) / ((ratio * ratio + 1) * (ratio * ratio + 1))
            guard wanted.isFinite else {
                (shape, self.left, self.right) = (.nan, .nan, .nan)
                return
            }
            shape = Spread.shape(wanted)
            let scale = (tgamma(1 / shape) / tgamma(3 / shape)).squareRoot()
            (self.left, self.right) = (left * scale, right * scale)
        }

        /// Of 0.2, 0.201 ... 10, the shape whose moments are nearest.
        private static func shape(_ wanted: Double) -> Double {
            var (low, high) = (0, moments.count - 1)
            while high - low > 1 {
                let middle = (low + high) / 2
                if moments[middle] < wanted { low = middle } else { high = middle }
            }
            return shape(at: abs(moments[low] - wanted) <= abs(moments[high] - wanted) ? low : high)
        }

        private static func shape(at index: Int) -> Double { 0.2 + 0.001 * Double(index) }

        /// Of each shape, in rising order: the square of the mean absolute value by the mean square.
        private static let moments = (0...9800).map { index in
            let shape = shape(at: index)
            return tgamma(2 / shape) * tgamma(2 / shape) / (tgamma(1 / shape) * tgamma(3 / shape))
        }
    }
}

extension Plane {
    func cut(width: Int, height: Int) -> Plane { Plane(width: width, height: height) { values[$0 * self.width + $1] } }

    /// Half as large as MATLAB's `imresize(image, 0.5)` makes it: bicubic over eight samples, those beyond an edge mirrored.
    ///
    /// - Precondition: both sides are even.
    var halvedByBicubic: Plane {
        // The cubic of parameter -1/2, stretched to twice its width, at 1/4, 3/4, 5/4 and 7/4.
        let weights = [0.43359375, 0.11328125, -0.03515625, -0.01171875]
        func halved(_ count: Int, _ sample: (Int) -> Double, _ put: (Int, Double) -> Void) {
            func mirrored(_ index: Int) -> Int {
                let place = (index % (2 * count) + 2 * count) % (2 * count)
                return min(place, 2 * count - 1 - place)
            }
            for target in 0..<count / 2 {
                var sum = 0.0
                for (distance, weight) in weights.enumerated() {
                    sum += weight * (sample(mirrored(2 * target - distance)) + sample(mirrored(2 * target + 1 + distance)))
                }
                put(target, sum)
            }
        }
        var narrow = [Double](repeating: 0, count: width / 2 * height)
        var result = [Float](repeating: 0, count: width / 2 * (height / 2))
        for y in 0..<height { halved(width, { Double(values[y * width + $0]) }, { narrow[y * (width / 2) + $0] = $1 }) }
        for x in 0..<width / 2 { halved(height, { narrow[$0 * (width / 2) + x] }, { result[$0 * (width / 2) + x] = Float($1) }) }
        return Plane(width: width / 2, height: height / 2) { result[$0 * (width / 2) + $1] }
    }
}
