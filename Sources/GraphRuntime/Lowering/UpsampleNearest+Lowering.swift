import CKernels
import GraphIR
import Operators
import Tensors

extension UpsampleNearest: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (n, c, h, w) = context.operands[0].imageSizes
        let factor = Int64(factor)
        let call = context.operands[0].layout == .channelsLast ? dd_upsample_nearest_nhwc_f32 : dd_upsample_nearest_nchw_f32
        return Kernel("upsample_nearest") { call($0.pool.handle, $0.output(), $0.input(0), n, c, h, w, factor, factor) }
    }
}
