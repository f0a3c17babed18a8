import CKernels
import GraphIR
import Operators
import Tensors

extension WindowPartition: LowerableOp, ViewingOp {
    public func views(operands: [TensorType], results: [TensorType]) -> [ViewOfOperand]? {
        results[0].shape == operands[0].shape ? [ViewOfOperand()] : nil
    }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (n, c, h, w) = context.operands[0].imageSizes
        let (k, across) = (Int64(size), WindowAxis(length: Int(w), size: size).count)
        let call = context.operands[0].layout == .channelsLast ? dd_window_partition_nhwc_f32 : dd_window_partition_nchw_f32
        var kernel = Kernel("window_partition") { call($0.pool.handle, $0.output(), $0.input(0), n, c, h, w, k) }
        if context.operands[0].layout == .channelsLast, n == 1 {
            // Windows that lie side by side are cut together.
            let down = WindowAxis(length: Int(h), size: size)
            let starts = down.starts
            var strips = StripKernel(reads: [0: { starts[$0.lowerBound / across]..<(starts[($0.upperBound - 1) / across] + down.size) }]) {
                arguments, rows, _ in
                dd_window_partition_nhwc_part_f32(
                    arguments.pool.handle, arguments.output(), arguments.input(0), c, h, w, k, Int64(rows.lowerBound), Int64(rows.upperBound))
            }
            strips.rowStep = across
            kernel.strips = strips
        }
        return kernel
    }
}
