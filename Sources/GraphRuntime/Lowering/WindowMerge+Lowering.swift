import CKernels
import GraphIR
import Operators
import Tensors

extension WindowMerge: LowerableOp, ViewingOp {
    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        results[0].shape == operands[0].shape ? [ViewOfOperand()] : nil
    }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (n, c, h, w) = context.results[0].imageSizes
        let size = Int64(size)
        let call = context.results[0].layout == .channelsLast ? dd_window_merge_nhwc_f32 : dd_window_merge_nchw_f32
        return Kernel("window_merge") { call($0.pool.handle, $0.output(), $0.input(0), n, c, h, w, size) }
    }
}
