import CKernels
import GraphIR
import Operators
import Tensors

extension TokensFromImage: LowerableOp, ViewingOp {
    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        operands[0].layout == .channelsLast || operands[0].isLayoutFree ? [ViewOfOperand()] : nil
    }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let shape = context.operands[0].shape
        let (batch, channels, pixels) = (Int64(shape[0]), Int64(shape[1]), Int64(shape[2] * shape[3]))
        return Kernel("nchw to nhwc") { dd_nchw_to_nhwc_f32($0.pool.handle, $0.output(), $0.input(0), batch, channels, pixels) }
    }
}
