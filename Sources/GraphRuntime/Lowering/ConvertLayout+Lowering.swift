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
        return Kernel("copy layout") { copy.run($0.results[0], $0.operands[0], $0.pool) }
    }
}
