import GraphIR
import Operators
import Tensors

extension ScatterND: LowerableOp {
    public var takesEveryElementType: Bool { true }

    /// Work is split within the parts that are replaced, so that each place has its updates in their order.
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, indices) = (context.operands[0], context.operands[1])
        let depth = indices.shape[-1]
        let size = x.elementType.byteSize
        let sizes = x.shape.dimensions.prefix(depth).map { $0 }
        let strides = x.shape.rowMajorStrides
        let partLength = x.shape.dimensions[depth...].reduce(1, *)
        let partCount = indices.shape.dimensions.dropLast().reduce(1, *)
        let update = reduction.update(x.elementType)
        guard context.operands[2].elementCount > 0 else { return Kernel("copy", inPlaceOperands: [0]) { $0.copyOperand(x.byteCount) } }
        let tasks = Blocks(partLength, size: 8192)
        return Kernel("scatter_nd \(reduction.rawValue)", inPlaceOperands: [0]) { arguments in
            arguments.copyOperand(x.byteCount)
            let reader = IndexReader(arguments.operands[1], indices.elementType)
            let (from, to) = (arguments.operands[2], arguments.results[0])
            arguments.pool.parallelFor(tasks.count) { task, _ in
                let range = tasks.range(task)
                parts: for part in 0..<partCount {
                    var offset = range.lowerBound
                    for level in 0..<depth {
                        guard let index = reader.index(part * depth + level, of: sizes[level]) else { continue parts }
                        offset += index * strides[level]
                    }
                    update(to + offset * size, from + (part * partLength + range.lowerBound) * size, range.count)
                }
            }
        }
    }
}
