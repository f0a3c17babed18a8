import GraphIR
import Operators
import Tensors

extension Resize: LowerableOp, ViewingOp {
    public var takesEveryElementType: Bool { true }

    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        operands[0].shape == results[0].shape && (0..<sizes.count).allSatisfy { keeps($0, operands[0].shape[$0]) } ? [ViewOfOperand()] : nil
    }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, y) = (context.operands[0], context.results[0])
        guard mode == .nearest else { return interpolation(x.shape) }
        var (value, fill) = (extrapolationValue ?? 0, UInt64(0))
        RunConversions.conversion(from: .float32, to: x.elementType)(&fill, &value, 1)
        let bits = fill
        let copy = TableCopy(
            elementSize: x.elementType.byteSize, operand: x.shape,
            tables: (0..<x.shape.rank).map { axis in
                (0..<y.shape[axis]).map { index in
                    keeps(axis, x.shape[axis]) ? Int32(index) : nearest(index, axis: axis, size: x.shape[axis]).map(Int32.init) ?? -1
                }
            })
        return Kernel("resize nearest") { arguments in
            withUnsafeBytes(of: bits) { copy.run(arguments.results[0], arguments.operands[0], fill: $0.baseAddress, arguments.pool) }
        }
    }

    /// Whether nothing happens along a dimension.
    private func keeps(_ axis: Int, _ size: Int) -> Bool {
        guard size == sizes[axis], scales[axis] == 1 else { return false }
        return coordinates != .tfCropAndResize || (roi![axis] == 0 && roi![sizes.count + axis] == 1)
    }

    /// Where an element of the result is among those of the operand; nil where another value stands there.
    private func position(_ index: Int, axis: Int, size: Int) -> Double? {
        // Attributes that make no sense must not make an index.
        unboundedPosition(index, axis: axis, size: size).map { $0.isFinite ? $0 : 0 }
    }

    private func unboundedPosition(_ index: Int, axis: Int, size: Int) -> Double? {
        let (i, scale, n) = (Double(index), scales[axis], Double(size))
        let length = scale * n
        switch coordinates {
        case .halfPixel: return (i + 0.5) / scale - 0.5
        case .halfPixelSymmetric: return n / 2 * (1 - Double(sizes[axis]) / length) + (i + 0.5) / scale - 0.5
        case .pytorchHalfPixel: return length == 1 ? -0.5 : (i + 0.5) / scale - 0.5
        case .alignCorners: return length == 1 ? 0 : i * (n - 1) / (length - 1)
        case .asymmetric: return i / scale
        case .tfCropAndResize:
            let (from, to) = (roi![axis], roi![sizes.count + axis])
            let x = (length == 1 ? (to - from) * (n - 1) / 2 : i * (to - from) * (n - 1) / (length - 1)) + from * (n - 1)
            return x < 0 || x > n - 1 ? nil : x
        }
    }

    private func nearest(_ index: Int, axis: Int, size: Int) -> Int? {
        guard let x = position(index, axis: axis, size: size) else { return nil }
        let low = x.rounded(.down)
        let ratio = x - low
        let up =
            switch nearestMode ?? .roundPreferFloor {
            case .roundPreferFloor: ratio > 0.5
            case .roundPreferCeil: ratio >= 0.5
            case .floor: false
            case .ceil: ratio > 0
            }
        return Int(max(0, min(Double(size - 1), up ? low + 1 : low)))
    }

    /// One dimension after the other, those that become smaller first.
    private func interpolation(_ shape: Shape) -> Kernel {
        var shapes = [shape]
        var passes: [AxisInterpolation] = []
        let axes = (0..<shape.rank).filter { !keeps($0, shape[$0]) }
        for axis in axes.sorted(by: { (scales[$0], $0) < (scales[$1], $1) }) {
            let current = shapes.last!
            passes.append(AxisInterpolation(current, axis: axis, weights: (0..<sizes[axis]).map { weights($0, axis: axis, size: shape[axis]) }))
            var next = current
            next[axis] = sizes[axis]
            shapes.append(next)
        }
        // Results in between go into two halves of the scratch memory, by turns.
        let half = shapes.dropFirst().dropLast().map { ($0.elementCount * 4 + 63) / 64 * 64 }.max() ?? 0
        let fill = extrapolationValue ?? 0
        return Kernel("resize \(mode.rawValue)", scratchByteCount: 2 * half) { [passes] arguments in
            var source = arguments.input(0)
            for (index, pass) in passes.enumerated() {
                let isLast = index == passes.count - 1
                let target = isLast ? arguments.output() : (arguments.scratch + index % 2 * half).assumingMemoryBound(to: Float.self)
                pass.run(target, source, fill: fill, arguments.pool)
                source = UnsafePointer(target)
            }
        }
    }

    /// The neighbours of an element and their weights; none where another value stands there.
    private func weights(_ index: Int, axis: Int, size: Int) -> AxisInterpolation.Weights? {
        guard let x = position(index, axis: axis, size: size) else { return nil }
        var low = x.rounded(.down)
        // The neighbour on the left counts as the farther one.
        if low == x { low -= 1 }
        let ratio = x - low
        // Where the result is smaller, antialiasing widens the kernel.
        let scale = antialias == true ? min(scales[axis], 1) : 1
        let reach = mode == .linear ? 1.0 : 2.0
        let first = Int((-reach / scale).rounded(.down)) + 1
        let count = 2 - 2 * first
        let a = cubicCoefficient ?? -0.75
        func kernel(_ distance: Double) -> Double {
            let d = abs(distance)
            if mode == .linear { return max(0, 1 - d) }
            if d <= 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
            return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0
        }
        var weights = (0..<count).map { kernel(scale * (Double(first + $0) - ratio)) }
        let places = (0..<count).map { low + Double(first + $0) }
        if excludesOutside == true {
            for index in weights.indices where places[index] < 0 || places[index] >= Double(size) { weights[index] = 0 }
        }
        if scale != 1 || excludesOutside == true || antialias == true {
            let sum = weights.reduce(0, +)
            for index in weights.indices { weights[index] /= sum }
        }
        var result = AxisInterpolation.Weights()
        for (place, weight) in zip(places, weights) where weight != 0 {
            result.append((Int(max(0, min(Double(size - 1), place))), Float(weight)))
        }
        return result
    }
}

/// Weighted sums of neighbours along one dimension of f32.
private struct AxisInterpolation {
    typealias Weights = [(index: Int, weight: Float)]

    private let outer: Int
    private let length: Int
    private let inner: Int
    private let weights: [Weights?]

    init(_ shape: Shape, axis: Int, weights: [Weights?]) {
        outer = shape.dimensions[..<axis].reduce(1, *)
        length = shape[axis]
        inner = shape.dimensions[(axis + 1)...].reduce(1, *)
        self.weights = weights
    }

    func run(_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, fill: Float, _ pool: ThreadPool) {
        let rows = Blocks(outer * weights.count, size: max(1, 4096 / max(1, inner)))
        pool.parallelFor(rows.count) { task, _ in
            for row in rows.range(task) {
                let source = x + row / weights.count * length * inner
                let target = y + row * inner
                guard let neighbours = weights[row % weights.count] else {
                    target.update(repeating: fill, count: inner)
                    continue
                }
                if inner == 1 {
                    var sum: Float = 0
                    for (index, weight) in neighbours { sum += weight * source[index] }
                    target[0] = sum
                    continue
                }
                target.update(repeating: 0, count: inner)
                for (index, weight) in neighbours {
                    let part = source + index * inner
                    for column in 0..<inner { target[column] += weight * part[column] }
                }
            }
        }
    }
}
