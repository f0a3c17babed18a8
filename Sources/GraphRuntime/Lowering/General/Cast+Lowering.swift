import GraphIR
import Operators
import Tensors

extension Cast: LowerableOp, ViewingOp {
    public var takesEveryElementType: Bool { true }

    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        operands[0].elementType == to ? [ViewOfOperand()] : nil
    }

    /// By way of the compute type that holds all values of the operand's type.
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let compute = context.operands[0].elementType.computeType
        let size = compute.byteSize
        return TileKernel.make("cast", context, computeTypes: [compute], resultType: compute) { x, _, _, y, count in
            y.copyMemory(from: x, byteCount: count * size)
        }
    }
}
