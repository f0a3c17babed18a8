import CKernels
import GraphIR
import Operators
import Tensors

extension ElementWiseAdaptiveConvolution: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (n, c, h, w) = context.operands[0].imageSizes
        let (k, residual) = (Int64(kernelSize), Int32(residual ? 1 : 0))
        let call = context.operands[0].layout == .channelsLast ? dd_eac_nhwc_f32 : dd_eac_nchw_f32
        return Kernel("eac") { call($0.pool.handle, $0.output(), $0.input(0), $0.input(1), n, c, h, w, k, residual) }
    }
}
