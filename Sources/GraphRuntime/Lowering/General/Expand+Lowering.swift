import GraphIR
import Operators
import Tensors

extension Expand: LowerableOp, ViewingOp {
    public var takesEveryElementType: Bool { true }

    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        operands[0].elementCount == results[0].elementCount ? [ViewOfOperand()] : nil
    }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, y) = (context.operands[0], context.results[0])
        let strides = x.shape.rowMajorStrides
        let missing = y.shape.rank - x.shape.rank
        let copy = StridedCopy(
            elementSize: x.elementType.byteSize, sizes: y.shape.dimensions, resultStrides: y.shape.rowMajorStrides,
            operandStrides: (0..<y.shape.rank).map { $0 < missing || x.shape[$0 - missing] == 1 ? 0 : strides[$0 - missing] })
        return Kernel("copy expand") { copy.run($0.results[0], $0.operands[0], $0.pool) }
    }
}
