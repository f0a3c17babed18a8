import Foundation
import GraphIR
import Operators
import Tensors

extension Pool: LowerableOp {
    /// Of f32; places are i64.
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, y) = (context.operands[0].shape, context.results[0].shape)
        let rank = x.rank - 2
        let window = SpatialWindow(
            input: Array(x.dimensions.dropFirst(2)), kernel: kernelSize, output: Array(y.dimensions.dropFirst(2)), strides: strides,
            dilations: dilations, padding: Array(padding.prefix(rank)))
        let (inputCount, outputCount) = (window.inputCount, window.outputCount)
        // Some output elements a task, so that few large images are work for all threads as well.
        let blocks = Blocks(outputCount, size: max(1, (1 << 16) / max(1, min(1 << 16, window.kernelCount))))
        let strides = columnMajorStrides(window.input)
        let op = self
        return Kernel("pool \(kind.rawValue)") { arguments in
            let (image, result) = (arguments.input(0), arguments.output())
            let places = op.indices == true ? arguments.results[1].assumingMemoryBound(to: Int64.self) : nil
            arguments.pool.parallelFor(x[0] * x[1] * blocks.count) { task, _ in
                let plane = task / blocks.count
                let source = image + plane * inputCount
                var walk = WindowWalk(window, after: Array(op.padding.suffix(rank)))
                for element in blocks.range(task % blocks.count) {
                    walk.move(to: element)
                    let target = plane * outputCount + element
                    switch op.kind {
                    case .average:
                        var sum: Float = 0
                        walk.forEach { sum += source[$0] }
                        result[target] = sum / Float(op.countsPadding == true ? walk.paddedCount : walk.insideCount)
                    case .lp:
                        let p = Float(op.p ?? 2)
                        var sum: Float = 0
                        if op.p ?? 2 == 2 {
                            walk.forEach { sum += source[$0] * source[$0] }
                            result[target] = sum.squareRoot()
                        } else {
                            walk.forEach { sum += pow(abs(source[$0]), p) }
                            result[target] = pow(sum, 1 / p)
                        }
                    case .max:
                        var best = -Float.infinity
                        var place = -1
                        walk.forEach {
                            let value = source[$0]
                            if place < 0 || value > best || (value != value && best == best) { (best, place) = (value, $0) }
                        }
                        result[target] = best
                        if let places {
                            var number = max(0, place)
                            if op.storageOrder == 1 {
                                number = zip(SpatialWindow.indices(number, window.input), strides).reduce(0) { $0 + $1.0 * $1.1 }
                            }
                            places[target] = Int64(plane * inputCount + number)
                        }
                    }
                }
            }
        }
    }

    /// Distances between neighbours when the first dimension is densest.
    private func columnMajorStrides(_ sizes: [Int]) -> [Int] {
        var stride = 1
        return sizes.map { size in
            defer { stride *= size }
            return stride
        }
    }
}

/// The elements of the input under a window, for one output element after the other.
private struct WindowWalk {
    private let window: SpatialWindow
    private let paddedEnds: [Int]
    private let inputStrides: [Int]
    /// Of each dimension: the first place that is inside, and how many are.
    private var starts: [Int]
    private var counts: [Int]
    private var steps: [Int]
    private(set) var insideCount = 0
    /// Elements inside the padded image.
    private(set) var paddedCount = 0

    init(_ window: SpatialWindow, after: [Int]) {
        self.window = window
        paddedEnds = zip(window.input, after).map(+)
        inputStrides = Shape(window.input).rowMajorStrides
        starts = window.input
        counts = window.input
        steps = window.dilations
    }

    mutating func move(to element: Int) {
        var rest = element
        insideCount = 1
        paddedCount = 1
        for axis in stride(from: window.rank - 1, through: 0, by: -1) {
            let origin = rest % window.output[axis] * window.strides[axis] - window.padding[axis]
            rest /= window.output[axis]
            let dilation = window.dilations[axis]
            func count(below end: Int) -> Int {
                origin >= end ? 0 : min(window.kernel[axis], (end - 1 - origin) / dilation + 1)
            }
            let skipped = origin >= 0 ? 0 : (-origin + dilation - 1) / dilation
            starts[axis] = origin + skipped * dilation
            counts[axis] = max(0, count(below: window.input[axis]) - skipped)
            insideCount *= counts[axis]
            paddedCount *= count(below: paddedEnds[axis])
        }
    }

    @inline(__always)
    func forEach(_ body: (Int) -> Void) {
        guard insideCount > 0 else { return }
        let last = window.rank - 1
        let dilation = window.dilations[last]
        for row in 0..<insideCount / counts[last] {
            var rest = row
            var offset = starts[last]
            for axis in stride(from: last - 1, through: 0, by: -1) {
                offset += (starts[axis] + rest % counts[axis] * window.dilations[axis]) * inputStrides[axis]
                rest /= counts[axis]
            }
            for _ in 0..<counts[last] {
                body(offset)
                offset += dilation
            }
        }
    }
}
