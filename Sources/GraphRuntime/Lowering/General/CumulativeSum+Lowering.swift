import GraphIR
import Operators
import Tensors

extension CumulativeSum: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        context.operands[0].elementType.accumulatorType.withComputeType(Scan(op: self, type: context.operands[0]))
    }
}

private struct Scan: ComputeTypeFunction {
    let op: CumulativeSum
    let type: TensorType

    func callAsFunction<C: ComputeElement>(_: C.Type) -> Kernel {
        let lanes = AxisLanes(type.shape, axis: op.axis)
        let read = RunConversions.conversion(from: type.elementType, to: C.elementType)
        let write = RunConversions.conversion(from: C.elementType, to: type.elementType)
        let size = type.elementType.byteSize
        let (exclusive, reversed) = (op.exclusive, op.reversed)
        return Kernel("cumulative_sum", inPlaceOperands: [0]) { arguments in
            let (x, y) = (UnsafeRawPointer(arguments.operands[0]), arguments.results[0])
            arguments.pool.parallelFor(lanes.taskCount) { task, _ in
                let (outer, range) = lanes.task(task)
                let start = outer * lanes.length * lanes.inner + range.lowerBound
                withUnsafeTemporaryAllocation(of: C.self, capacity: 2 * AxisLanes.block) { buffer in
                    let (sums, values) = (buffer.baseAddress!, buffer.baseAddress! + AxisLanes.block)
                    for lane in 0..<range.count { sums[lane] = C.zero }
                    func add(_ value: UnsafeMutablePointer<C>, _ sum: UnsafeMutablePointer<C>) {
                        let before = sum.pointee
                        sum.pointee = before.sum(value.pointee)
                        value.pointee = exclusive ? before : sum.pointee
                    }
                    // One lane is read in runs along the axis, several side by side.
                    let run = lanes.inner == 1 ? AxisLanes.block : 1
                    let steps = Blocks(lanes.length, size: run)
                    for step in 0..<steps.count {
                        let places = steps.range(reversed ? steps.count - 1 - step : step)
                        let offset = (start + places.lowerBound * lanes.inner) * size
                        let count = lanes.inner == 1 ? places.count : range.count
                        read(values, x + offset, count)
                        if lanes.inner == 1 {
                            for index in 0..<count { add(values + (reversed ? count - 1 - index : index), sums) }
                        } else {
                            for lane in 0..<count { add(values + lane, sums + lane) }
                        }
                        write(y + offset, values, count)
                    }
                }
            }
        }
    }
}
