import CKernels
import GraphIR
import Operators
import Tensors

extension ElementWiseAdaptiveConvolution: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (n, c, h, w) = context.operands[0].imageSizes
        let (k, residual) = (Int64(kernelSize), Int32(residual ? 1 : 0))
        let call = context.operands[0].layout == .channelsLast ? dd_eac_nhwc_f32 : dd_eac_nchw_f32
        var kernel = Kernel("eac") { call($0.pool.handle, $0.output(), $0.input(0), $0.input(1), n, c, h, w, k, residual) }
        if context.operands[0].layout == .channelsLast, n == 1 {
            let (halo, height) = (kernelSize / 2, Int(h))
            let around: StripKernel.Reads = { max(0, $0.lowerBound - halo)..<min(height, $0.upperBound + halo) }
            kernel.strips = StripKernel(reads: [0: around, 1: StripKernel.sameRows]) { arguments, rows, _ in
                dd_eac_nhwc_rows_f32(
                    arguments.pool.handle, arguments.output(), arguments.input(0), arguments.input(1), c, h, w, k, residual, Int64(rows.lowerBound),
                    Int64(rows.upperBound))
            }
        }
        return kernel
    }
}
