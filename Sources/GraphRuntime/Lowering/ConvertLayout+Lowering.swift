import GraphIR
import Operators
import Tensors

extension ConvertLayout: LowerableOp, ViewingOp {
    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        operands[0].layout == layout || operands[0].isLayoutFree ? [ViewOfOperand()] : nil
    }

    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let copy = StridedCopy(from: context.operands[0], to: context.results[0])
        let shape = context.results[0].shape
        return Kernel.imageCopy("copy layout", [(0, 0, copy)], isImage: shape.rank == 4 && shape[0] == 1)
    }
}
