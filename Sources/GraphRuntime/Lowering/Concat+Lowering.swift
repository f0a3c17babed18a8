import GraphIR
import Operators
import Tensors

extension Concat: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let y = context.results[0]
        let axis = axis < 0 ? axis + y.shape.rank : axis
        let strides = y.memoryStrides
        var start = 0
        let copies = context.operands.map { x in
            defer { start += x.shape[axis] }
            return StridedCopy(
                elementSize: y.elementType.byteSize, sizes: x.shape.dimensions, resultStrides: strides,
                operandStrides: x.memoryStrides, resultOffset: start * strides[axis])
        }
        return Kernel("copy concat") { arguments in
            for (index, copy) in copies.enumerated() { copy.run(arguments.results[0], arguments.operands[index], arguments.pool) }
        }
    }
}
