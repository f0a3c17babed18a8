import GraphIR
import Operators
import Tensors

extension GatherND: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, indices) = (context.operands[0], context.operands[1])
        let depth = indices.shape[-1]
        let batch = x.shape.dimensions[..<batchDimensions].reduce(1, *)
        let sizes = Array(x.shape.dimensions[batchDimensions..<batchDimensions + depth])
        let elementSize = x.elementType.byteSize
        let strides = x.shape.rowMajorStrides[batchDimensions..<batchDimensions + depth].map { $0 * elementSize }
        let sliceBytes = x.shape.dimensions[(batchDimensions + depth)...].reduce(1, *) * elementSize
        let batchBytes = sizes.reduce(1, *) * sliceBytes
        let slices = indices.shape.dimensions.dropLast().reduce(1, *)
        let perBatch = batch == 0 ? 1 : slices / batch
        let tasks = Blocks(slices, size: max(1, 32768 / max(1, sliceBytes)))
        return Kernel("gather_nd") { arguments in
            let reader = IndexReader(arguments.operands[1], indices.elementType)
            let (from, to) = (arguments.operands[0], arguments.results[0])
            arguments.pool.parallelFor(tasks.count) { task, _ in
                for slice in tasks.range(task) {
                    var offset = slice / perBatch * batchBytes
                    for level in 0..<depth { offset += reader.clampedIndex(slice * depth + level, of: sizes[level]) * strides[level] }
                    (to + slice * sliceBytes).copyMemory(from: from + offset, byteCount: sliceBytes)
                }
            }
        }
    }
}
