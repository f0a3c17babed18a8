import GraphIR
import Operators
import Tensors

extension ScatterElements: LowerableOp {
    public var takesEveryElementType: Bool { true }

    /// Lanes are independent of each other, so that they may run at once and each place has its updates in their order.
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, indices) = (context.operands[0], context.operands[1])
        let size = x.elementType.byteSize
        let update = reduction.update(x.elementType)
        guard indices.elementCount > 0 else { return Kernel("copy", inPlaceOperands: [0]) { $0.copyOperand(x.byteCount) } }
        let lanes = IndexLanes(x.shape, indices: indices.shape, axis: axis)
        return Kernel("scatter_elements \(reduction.rawValue)", inPlaceOperands: [0]) { arguments in
            arguments.copyOperand(x.byteCount)
            let reader = IndexReader(arguments.operands[1], indices.elementType)
            let (from, to) = (arguments.operands[2], arguments.results[0])
            let tasks = lanes.tasks
            arguments.pool.parallelFor(tasks.count) { task, _ in
                for lane in tasks.range(task) {
                    let start = lanes.start(lane)
                    for place in 0..<lanes.length {
                        let position = start.index + place * lanes.indexStride
                        guard let index = reader.index(position, of: lanes.size) else { continue }
                        update(to + (start.element + index * lanes.elementStride) * size, from + position * size, 1)
                    }
                }
            }
        }
    }
}
