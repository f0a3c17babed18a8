import GraphIR
import Operators
import Tensors

extension Gather: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, indices) = (context.operands[0], context.operands[1])
        let axis = axis < 0 ? axis + x.shape.rank : axis
        let size = x.shape[axis]
        let sliceBytes = x.shape.dimensions[(axis + 1)...].reduce(1, *) * x.elementType.byteSize
        let count = indices.elementCount
        let slices = x.shape.dimensions[..<axis].reduce(1, *) * count
        let tasks = Blocks(slices, size: max(1, 32768 / max(1, sliceBytes)))
        return Kernel("gather") { arguments in
            let reader = IndexReader(arguments.operands[1], indices.elementType)
            let (from, to) = (arguments.operands[0], arguments.results[0])
            arguments.pool.parallelFor(tasks.count) { task, _ in
                for slice in tasks.range(task) {
                    let index = reader.clampedIndex(slice % count, of: size)
                    (to + slice * sliceBytes).copyMemory(from: from + (slice / count * size + index) * sliceBytes, byteCount: sliceBytes)
                }
            }
        }
    }
}
