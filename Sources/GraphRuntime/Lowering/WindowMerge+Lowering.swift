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
        let (k, across) = (Int64(size), WindowAxis(length: Int(w), size: size).count)
        let call = context.results[0].layout == .channelsLast ? dd_window_merge_nhwc_f32 : dd_window_merge_nchw_f32
        var kernel = Kernel("window_merge") { call($0.pool.handle, $0.output(), $0.input(0), n, c, h, w, k) }
        if context.results[0].layout == .channelsLast, n == 1 {
            let down = WindowAxis(length: Int(h), size: size)
            let starts = down.starts
            let windows: StripKernel.Reads = { rows in
                let (first, last) = (
                    starts.firstIndex { $0 + down.size > rows.lowerBound } ?? 0, starts.lastIndex { $0 < rows.upperBound } ?? 0
                )
                return first * across..<(last + 1) * across
            }
            kernel.strips = StripKernel(reads: [0: windows]) { arguments, rows, _ in
                dd_window_merge_nhwc_part_f32(
                    arguments.pool.handle, arguments.output(), arguments.input(0), c, h, w, k, Int64(rows.lowerBound), Int64(rows.upperBound))
            }
        }
        return kernel
    }
}
