import GraphIR
import Operators
import Tensors

extension Transpose: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, y) = (context.operands[0], context.results[0])
        let strides = x.memoryStrides
        let copy = StridedCopy(
            elementSize: x.elementType.byteSize, sizes: y.shape.dimensions, resultStrides: y.memoryStrides,
            operandStrides: permutation.map { strides[$0] })
        return Kernel("copy transpose") { copy.run($0.results[0], $0.operands[0], $0.pool) }
    }
}
