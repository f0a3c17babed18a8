import CKernels
import Foundation
import GraphIR
import Operators
import Tensors

extension Reduce: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, y) = (context.operands[0], context.results[0])
        let axes = Set(axes.map { $0 < 0 ? $0 + x.shape.rank : $0 })
        let plan = ReductionPlan(x.shape, axes: axes)
        if x.elementType == .float32, let kernel = nativeKernel(plan) { return kernel }
        let needsFloats = [.l2, .logSum, .logSumExp].contains(function)
        let compute = needsFloats ? ElementType.float64 : x.elementType.accumulatorType
        return compute.withComputeType(GeneralReduction(function: function, plan: plan, from: x.elementType, to: y.elementType, compute: compute))
    }

    /// f32, with what is reduced in one piece.
    private func nativeKernel(_ plan: ReductionPlan) -> Kernel? {
        guard let (outer, reduced, inner) = plan.middle else { return nil }
        let (op, last): (dd_reduce_op, dd_unary_op?) =
            switch function {
            case .sum: (DD_REDUCE_SUM, nil)
            case .mean: (DD_REDUCE_MEAN, nil)
            case .max: (DD_REDUCE_MAX, nil)
            case .min: (DD_REDUCE_MIN, nil)
            case .product: (DD_REDUCE_PROD, nil)
            case .l1: (DD_REDUCE_L1, nil)
            case .l2: (DD_REDUCE_SUM_SQUARE, DD_UNARY_SQRT)
            case .logSum: (DD_REDUCE_SUM, DD_UNARY_LOG)
            case .sumSquare: (DD_REDUCE_SUM_SQUARE, nil)
            case .logSumExp: (DD_REDUCE_SUM, nil)
            }
        guard function != .logSumExp else { return nil }
        return Kernel("reduce \(function.rawValue) float32") { arguments in
            let (x, y) = (arguments.input(0), arguments.output())
            dd_reduce_f32(arguments.pool.handle, op, y, x, Int64(outer), Int64(reduced), Int64(inner))
            if let last { dd_unary_f32(arguments.pool.handle, last, y, y, Int64(outer * inner), 0, 0) }
        }
    }
}

/// The dimensions of a tensor, those that are reduced apart from those that are kept, neighbours of one kind merged.
private struct ReductionPlan {
    typealias Dimension = (size: Int, stride: Int)
    private(set) var kept: [Dimension] = []
    private(set) var reduced: [Dimension] = []
    /// Alternating kinds, outermost first.
    private var pattern: [(isReduced: Bool, size: Int)] = []

    init(_ shape: Shape, axes: Set<Int>) {
        for (axis, stride) in shape.rowMajorStrides.enumerated() where shape[axis] != 1 {
            let (size, isReduced) = (shape[axis], axes.contains(axis))
            if let last = pattern.last, last.isReduced == isReduced {
                pattern[pattern.count - 1].size *= size
                let merged = pattern.last!.size
                if isReduced { reduced[reduced.count - 1] = (merged, stride) } else { kept[kept.count - 1] = (merged, stride) }
            } else {
                pattern.append((isReduced, size))
                if isReduced { reduced.append((size, stride)) } else { kept.append((size, stride)) }
            }
        }
    }

    /// The sizes in front of, of and behind what is reduced, where that is one dimension or none.
    var middle: (outer: Int, reduced: Int, inner: Int)? {
        guard reduced.count <= 1 else { return nil }
        guard let index = pattern.firstIndex(where: \.isReduced) else { return (pattern.first?.size ?? 1, 1, 1) }
        return (
            pattern[..<index].reduce(1) { $0 * $1.size }, pattern[index].size, pattern[(index + 1)...].reduce(1) { $0 * $1.size }
        )
    }

    var reducedCount: Int { reduced.reduce(1) { $0 * $1.size } }
    var keptCount: Int { kept.reduce(1) { $0 * $1.size } }
    /// The innermost dimension, if it is kept.
    var innerKept: Int { pattern.last.map { $0.isReduced ? 1 : $0.size } ?? 1 }

    static func offset(_ index: Int, _ dimensions: some BidirectionalCollection<Dimension>) -> Int {
        var (rest, offset) = (index, 0)
        for dimension in dimensions.reversed() {
            offset += rest % dimension.size * dimension.stride
            rest /= dimension.size
        }
        return offset
    }
}

/// Any reduction along any axes of any type.
private struct GeneralReduction: ComputeTypeFunction {
    let function: Reduce.Function
    let plan: ReductionPlan
    let from: ElementType
    let to: ElementType
    let compute: ElementType
    private static let block = 512

    func callAsFunction<C: ComputeElement>(_: C.Type) -> Kernel {
        let read = RunConversions.conversion(from: from, to: compute)
        let write = RunConversions.conversion(from: compute, to: to)
        let inner = plan.innerKept
        let outer = inner == 0 ? 0 : plan.keptCount / inner
        let lanes = Blocks(inner, size: Self.block)
        let (fromSize, toSize) = (from.byteSize, to.byteSize)
        return Kernel("reduce \(function.rawValue)") { arguments in
            let (x, y) = (UnsafeRawPointer(arguments.operands[0]), arguments.results[0])
            arguments.pool.parallelFor(outer * lanes.count) { task, _ in
                let range = lanes.range(task % lanes.count)
                let row = task / lanes.count
                let outerKept = inner == 1 ? plan.kept[...] : plan.kept.dropLast()
                let start = ReductionPlan.offset(row, outerKept) + range.lowerBound
                withUnsafeTemporaryAllocation(of: C.self, capacity: 3 * Self.block) { buffer in
                    let accumulators = buffer.baseAddress!
                    let values = accumulators + Self.block
                    let shifts = values + Self.block
                    let count = range.count
                    /// Calls back with each run of values for the lanes, or for a single lane many values.
                    func forEachRun(_ body: (UnsafeMutablePointer<C>, _ count: Int) -> Void) {
                        if inner > 1 {
                            for index in 0..<plan.reducedCount {
                                read(values, x + (start + ReductionPlan.offset(index, plan.reduced)) * fromSize, count)
                                body(values, count)
                            }
                        } else {
                            let run = plan.reduced.last?.size ?? 1
                            let runs = run == 0 ? 0 : plan.reducedCount / run
                            for index in 0..<runs {
                                let offset = start + ReductionPlan.offset(index, plan.reduced.dropLast())
                                for first in stride(from: 0, to: run, by: Self.block) {
                                    let part = min(Self.block, run - first)
                                    read(values, x + (offset + first) * fromSize, part)
                                    body(values, part)
                                }
                            }
                        }
                    }
                    func fold(_ initial: C, _ step: (C, C) -> C) {
                        for lane in 0..<count { accumulators[lane] = initial }
                        forEachRun { values, valueCount in
                            if inner > 1 {
                                for lane in 0..<valueCount { accumulators[lane] = step(accumulators[lane], values[lane]) }
                            } else {
                                var sum = accumulators[0]
                                for index in 0..<valueCount { sum = step(sum, values[index]) }
                                accumulators[0] = sum
                            }
                        }
                    }
                    func finish(_ last: (C) -> C) { for lane in 0..<count { accumulators[lane] = last(accumulators[lane]) } }
                    let (zero, one) = (C.zero, C(from: Int64(1)))
                    switch function {
                    case .sum: fold(zero) { $0.sum($1) }
                    case .mean:
                        fold(zero) { $0.sum($1) }
                        finish { $0.quotient(plan.reducedCount) }
                    case .max: fold(C.lowest(of: from)) { $1 > $0 || $1 != $1 ? $1 : $0 }
                    case .min: fold(C.highest(of: from)) { $1 < $0 || $1 != $1 ? $1 : $0 }
                    case .product: fold(one) { $0.product($1) }
                    case .l1: fold(zero) { $0.sum($1 < zero ? $1.product(C(from: Int64(-1))) : $1) }
                    case .sumSquare: fold(zero) { $0.sum($1.product($1)) }
                    case .l2:
                        fold(zero) { $0.sum($1.product($1)) }
                        finish { C(from: $0.double.squareRoot()) }
                    case .logSum:
                        fold(zero) { $0.sum($1) }
                        finish { C(from: Foundation.log($0.double)) }
                    case .logSumExp:
                        // Exponentials of what is left of the greatest, so that they stay in range.
                        fold(C(from: -Double.infinity)) { $1 > $0 || $1 != $1 ? $1 : $0 }
                        for lane in 0..<count {
                            shifts[lane] = accumulators[lane].double.isFinite ? accumulators[lane] : zero
                            accumulators[lane] = zero
                        }
                        forEachRun { values, valueCount in
                            for index in 0..<valueCount {
                                let lane = inner > 1 ? index : 0
                                accumulators[lane] = accumulators[lane].sum(C(from: Foundation.exp(values[index].double - shifts[lane].double)))
                            }
                        }
                        for lane in 0..<count { accumulators[lane] = C(from: Foundation.log(accumulators[lane].double) + shifts[lane].double) }
                    }
                    write(y + (row * inner + range.lowerBound) * toSize, accumulators, count)
                }
            }
        }
    }
}

extension ComputeElement {
    /// The least value of an element type.
    fileprivate static func lowest(of type: ElementType) -> Self {
        if type.isFloatingPoint { return Self(from: -Double.infinity) }
        return switch type {
        case .int64: Self(from: Int64.min)
        case .int32: Self(from: Int64(Int32.min))
        case .int16: Self(from: Int64(Int16.min))
        case .int8: Self(from: Int64(Int8.min))
        default: zero
        }
    }

    /// The greatest value of an element type.
    fileprivate static func highest(of type: ElementType) -> Self {
        if type.isFloatingPoint { return Self(from: Double.infinity) }
        return switch type {
        case .int64: Self(from: Int64.max)
        case .uint64: Self(from: UInt64.max)
        case .int32: Self(from: Int64(Int32.max))
        case .uint32: Self(from: Int64(UInt32.max))
        case .int16: Self(from: Int64(Int16.max))
        case .uint16: Self(from: Int64(UInt16.max))
        case .int8: Self(from: Int64(Int8.max))
        case .uint8: Self(from: Int64(UInt8.max))
        default: Self(from: Int64(1))
        }
    }
}
