import CKernels
import GraphIR
import Operators
import Tensors

extension GroupNorm: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let type = context.operands[0]
        let (batch, channels) = (Int64(type.shape[0]), Int64(type.shape[1]))
        let pixels = Int64(type.shape.dimensions[2...].reduce(1, *))
        let (groups, epsilon, silu) = (Int64(groups), epsilon, Int32(activation == .silu ? 1 : 0))
        guard type.layout == .channelsLast else {
            return Kernel("group_norm nchw", inPlaceOperands: [0]) {
                dd_group_norm_nchw_f32(
                    $0.pool.handle, $0.output(), $0.input(0), $0.input(1), $0.input(2), batch, channels, pixels, groups, epsilon, silu)
            }
        }
        let scratch = Int(dd_group_norm_nhwc_scratch(batch, channels, pixels))
        return Kernel("group_norm nhwc", scratchByteCount: scratch, inPlaceOperands: [0]) { arguments in
            dd_group_norm_nhwc_f32(
                arguments.pool.handle, arguments.output(), arguments.input(0), arguments.input(1), arguments.input(2), batch, channels, pixels,
                groups, epsilon, silu, arguments.scratch)
        }
    }
}
