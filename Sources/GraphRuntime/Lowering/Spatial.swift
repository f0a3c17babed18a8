import CKernels
import GraphIR
import Operators
import Tensors

private func sizes(_ type: TensorType) -> (n: Int64, c: Int64, h: Int64, w: Int64) {
    (Int64(type.shape[0]), Int64(type.shape[1]), Int64(type.shape[2]), Int64(type.shape[3]))
}

extension Unfold: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (n, c, h, w) = sizes(context.operands[0])
        let (kh, kw) = (Int64(kernelSize[0]), Int64(kernelSize[1]))
        return Kernel("unfold") {
            dd_unfold_nchw_f32($0.pool.handle, $0.output(), $0.input(0), n, c, h, w, kh, kw, (kh - 1) / 2, (kw - 1) / 2)
        }
    }
}

extension ElementWiseAdaptiveConvolution: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (n, c, h, w) = sizes(context.operands[0])
        let (k, residual) = (Int64(kernelSize), Int32(residual ? 1 : 0))
        let call = context.operands[0].layout == .channelsLast ? dd_eac_nhwc_f32 : dd_eac_nchw_f32
        return Kernel("eac") { call($0.pool.handle, $0.output(), $0.input(0), $0.input(1), n, c, h, w, k, residual) }
    }
}

extension WindowPartition: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (n, c, h, w) = sizes(context.operands[0])
        let size = Int64(size)
        let call = context.operands[0].layout == .channelsLast ? dd_window_partition_nhwc_f32 : dd_window_partition_nchw_f32
        return Kernel("window_partition") { call($0.pool.handle, $0.output(), $0.input(0), n, c, h, w, size) }
    }
}

extension WindowMerge: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (n, c, h, w) = sizes(context.results[0])
        let size = Int64(size)
        let call = context.results[0].layout == .channelsLast ? dd_window_merge_nhwc_f32 : dd_window_merge_nchw_f32
        return Kernel("window_merge") { call($0.pool.handle, $0.output(), $0.input(0), n, c, h, w, size) }
    }
}

extension UpsampleNearest: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (n, c, h, w) = sizes(context.operands[0])
        let factor = Int64(factor)
        let call = context.operands[0].layout == .channelsLast ? dd_upsample_nearest_nhwc_f32 : dd_upsample_nearest_nchw_f32
        return Kernel("upsample_nearest") { call($0.pool.handle, $0.output(), $0.input(0), n, c, h, w, factor, factor) }
    }
}
