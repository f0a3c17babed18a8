import GraphIR
import Operators
import Tensors

extension ArgReduce: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        context.operands[0].elementType.computeType.withComputeType(Search(op: self, type: context.operands[0]))
    }
}

private struct Search: ComputeTypeFunction {
    let op: ArgReduce
    let type: TensorType

    func callAsFunction<C: ComputeElement>(_: C.Type) -> Kernel {
        let lanes = AxisLanes(type.shape, axis: op.axis)
        let read = RunConversions.conversion(from: type.elementType, to: C.elementType)
        let size = type.elementType.byteSize
        let (isMax, selectsLast) = (op.function == .max, op.selectsLast)
        @Sendable func replaces(_ value: C, _ best: C) -> Bool {
            if value != value { return selectsLast || best == best }
            return (isMax ? value > best : value < best) || (selectsLast && value == best)
        }
        return Kernel("arg_reduce \(op.function.rawValue)") { arguments in
            let x = UnsafeRawPointer(arguments.operands[0])
            let y = arguments.results[0].assumingMemoryBound(to: Int64.self)
            arguments.pool.parallelFor(lanes.taskCount) { task, _ in
                let (outer, range) = lanes.task(task)
                let start = outer * lanes.length * lanes.inner + range.lowerBound
                let result = y + outer * lanes.inner + range.lowerBound
                withUnsafeTemporaryAllocation(of: C.self, capacity: 2 * AxisLanes.block) { buffer in
                    let (best, values) = (buffer.baseAddress!, buffer.baseAddress! + AxisLanes.block)
                    if lanes.inner == 1 {
                        read(best, x + start * size, 1)
                        result[0] = 0
                        for first in stride(from: 0, to: lanes.length, by: AxisLanes.block) {
                            let count = min(AxisLanes.block, lanes.length - first)
                            read(values, x + (start + first) * size, count)
                            for index in 0..<count where first + index > 0 && replaces(values[index], best[0]) {
                                best[0] = values[index]
                                result[0] = Int64(first + index)
                            }
                        }
                        return
                    }
                    read(best, x + start * size, range.count)
                    for lane in 0..<range.count { result[lane] = 0 }
                    for place in 1..<max(1, lanes.length) {
                        read(values, x + (start + place * lanes.inner) * size, range.count)
                        for lane in 0..<range.count where replaces(values[lane], best[lane]) {
                            best[lane] = values[lane]
                            result[lane] = Int64(place)
                        }
                    }
                }
            }
        }
    }
}
