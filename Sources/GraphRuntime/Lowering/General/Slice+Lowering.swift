import GraphIR
import Operators
import Tensors

extension Slice: LowerableOp, ViewingOp {
    public var takesEveryElementType: Bool { true }

    private func offset(_ x: TensorType) -> Int { zip(starts, x.shape.rowMajorStrides).reduce(0) { $0 + $1.0 * $1.1 } }

    /// A view where what is taken lies in one piece and begins where kernels want tensors to begin.
    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        let (x, y) = (operands[0].shape, results[0].shape)
        guard y.elementCount > 0 else { return nil }
        let cut = (0..<y.rank).first { y[$0] > 1 } ?? y.rank
        guard (0..<y.rank).allSatisfy({ $0 < cut || steps[$0] == 1 || y[$0] == 1 }),
            (0..<y.rank).allSatisfy({ $0 <= cut || y[$0] == x[$0] })
        else { return nil }
        let byteOffset = offset(operands[0]) * operands[0].elementType.byteSize
        return byteOffset % Storage.alignment == 0 ? [ViewOfOperand(byteOffset: byteOffset)] : nil
    }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (x, y) = (context.operands[0], context.results[0])
        let copy = StridedCopy(
            elementSize: x.elementType.byteSize, sizes: y.shape.dimensions, resultStrides: y.shape.rowMajorStrides,
            operandStrides: zip(steps, x.shape.rowMajorStrides).map { $0 * $1 }, operandOffset: offset(x))
        return Kernel("copy slice") { copy.run($0.results[0], $0.operands[0], $0.pool) }
    }
}
