import CKernels
import GraphIR
import Operators
import Tensors

extension GroupNormGradient: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel { try context.inLayout(.channelsLast, images: [0, 3], lowerChannelsLast) }

    private func lowerChannelsLast(_ context: LoweringContext) -> Kernel {
        let shape = context.operands[0].shape
        let (batch, channels, pixels) = (Int64(shape[0]), Int64(shape[1]), Int64(shape[2] * shape[3]))
        let (groups, epsilon, silu) = (Int64(groups), epsilon, Int32(activation == .silu ? 1 : 0))
        let scratch = Int(dd_group_norm_gradient_nhwc_scratch(batch, channels, pixels))
        return Kernel("group_norm_gradient nhwc", scratchByteCount: scratch, inPlaceOperands: [3, 0]) { arguments in
            dd_group_norm_gradient_nhwc_f32(
                arguments.pool.handle, arguments.output(), arguments.input(0), arguments.input(1), arguments.input(2), arguments.input(3), batch, channels,
                pixels, groups, epsilon, silu, arguments.scratch)
        }
    }
}
