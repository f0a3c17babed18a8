import GraphIR
import Operators
import Tensors

extension Tile: LowerableOp, ViewingOp {
    public var takesEveryElementType: Bool { true }

    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        operands[0].shape == results[0].shape ? [ViewOfOperand()] : nil
    }

    /// Each dimension is two: which repetition, and where in it.
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, y) = (context.operands[0], context.results[0])
        let (strides, resultStrides) = (x.shape.rowMajorStrides, y.shape.rowMajorStrides)
        let copy = StridedCopy(
            elementSize: x.elementType.byteSize,
            sizes: repeats.indices.flatMap { [repeats[$0], x.shape[$0]] },
            resultStrides: repeats.indices.flatMap { [resultStrides[$0] * x.shape[$0], resultStrides[$0]] },
            operandStrides: repeats.indices.flatMap { [0, strides[$0]] })
        return Kernel("copy tile") { copy.run($0.results[0], $0.operands[0], $0.pool) }
    }
}
