import CKernels
import Files
import GraphIR
import Operators
import Tensors

extension GroupNorm: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let type = context.operands[0]
        let (batch, channels) = (Int64(type.shape[0]), Int64(type.shape[1]))
        let pixels = Int64(type.shape.dimensions[2...].reduce(1, *))
        let (groups, epsilon, silu) = (Int64(groups), epsilon, Int32(activation == .silu ? 1 : 0))
        guard activation == nil || activation == .silu else { throw InputError("a group norm is followed by SiLU or nothing") }
        guard type.layout == .channelsLast else {
            return Kernel("group_norm nchw", inPlaceOperands: [0]) {
                dd_group_norm_nchw_f32(
                    $0.pool.handle, $0.output(), $0.input(0), $0.input(1), $0.input(2), batch, channels, pixels, groups, epsilon, silu)
            }
        }
        let scratch = Int(dd_group_norm_nhwc_scratch(batch, channels, pixels))
        return Kernel("group_norm nhwc", scratchByteCount: scratch, inPlaceOperands: [0]) { arguments in
            var source = dd_nhwc_source()
            source.x = arguments.input(0)
            source.ld = channels
            source.channels = channels
            dd_group_norm_nhwc_f32(
                arguments.pool.handle, arguments.output(), &source, 1, arguments.input(1), arguments.input(2), batch, pixels, groups,
                epsilon, silu, arguments.scratch)
        }
    }
}

extension GroupStatistics: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let roles = roles(count: context.operands.count)
        return try context.inLayout(.channelsLast, images: Set(roles.indices.filter { readsData(ofOperand: $0) && Conv2D.Operand.images.contains(roles[$0]) }))
        {
            try lowerChannelsLast($0)
        }
    }

    private func lowerChannelsLast(_ context: LoweringContext) throws -> Kernel {
        let count = context.operands.count
        func index(_ role: Conv2D.Operand) -> Int? { self.index(of: role, count: count) }
        let input = index(.input)!
        let x = context.operands[input]
        let (batch, pixels) = (Int64(x.shape[0]), Int64(x.shape[2] * x.shape[3]))
        let (first, second) = (Int64(x.shape[1]), Int64(index(.secondInput).map { context.operands[$0].shape[1] } ?? 0))
        let scratch = Int(dd_group_statistics_nhwc_scratch(batch, first + second, pixels))
        let (groups, epsilon) = (Int64(groups), epsilon)
        let places = (
            addend: index(.inputAddend), second: index(.secondInput), secondAddend: index(.secondInputAddend),
            scale: index(.weight)!, bias: index(.bias)!, moments: index(.moments), secondMoments: index(.secondMoments)
        )
        return Kernel("group_statistics nhwc", scratchByteCount: scratch) { arguments in
            func source(_ image: Int?, _ addend: Int?, _ moments: Int?, _ channels: Int64) -> dd_nhwc_source {
                dd_nhwc_source(
                    x: moments == nil ? arguments.input(image) : nil, ld: channels, addend: arguments.input(addend), ld_addend: channels,
                    channels: channels, moments: arguments.input(moments))
            }
            let sources = [
                source(input, places.addend, places.moments, first), source(places.second, places.secondAddend, places.secondMoments, second),
            ]
            dd_group_statistics_nhwc_f32(
                arguments.pool.handle, arguments.output(0), arguments.output(1), sources, places.second == nil ? 1 : 2,
                arguments.input(places.scale), arguments.input(places.bias), batch, pixels, groups, epsilon, arguments.scratch)
        }
    }
}

extension LayerNorm: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let columns = context.results[0].shape[-1]
        let rows = Int64(columns == 0 ? 0 : context.results[0].elementCount / columns)
        let epsilon = epsilon
        return Kernel("layer_norm", inPlaceOperands: [0]) {
            dd_layer_norm_f32($0.pool.handle, $0.output(), $0.input(0), $0.input(1), $0.input(2), rows, Int64(columns), epsilon)
        }
    }
}
