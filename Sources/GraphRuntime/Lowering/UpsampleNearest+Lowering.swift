import CKernels
import GraphIR
import Operators
import Tensors

extension UpsampleNearest: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (n, c, h, w) = context.operands[0].imageSizes
        let factor = Int64(factor)
        let call = context.operands[0].layout == .channelsLast ? dd_upsample_nearest_nhwc_f32 : dd_upsample_nearest_nchw_f32
        var kernel = Kernel("upsample_nearest") { call($0.pool.handle, $0.output(), $0.input(0), n, c, h, w, factor, factor) }
        if context.operands[0].layout == .channelsLast, n == 1 {
            var strips = StripKernel(reads: [0: { $0.lowerBound / Int(factor)..<($0.upperBound + Int(factor) - 1) / Int(factor) }]) { arguments, rows, _ in
                let (first, count) = (rows.lowerBound / Int(factor), rows.count / Int(factor))
                call(
                    arguments.pool.handle, arguments.output() + rows.lowerBound * Int(factor * w * c), arguments.input(0) + first * Int(w * c), n, c,
                    Int64(count), w, factor, factor)
            }
            strips.rowStep = Int(factor)
            kernel.strips = strips
        }
        return kernel
    }
}
