import CKernels
import GraphIR
import Operators
import Tensors

extension GroupStatistics: LowerableOp {
    public func lower(_ context: LoweringContext) throws -> Kernel {
        let images = fusedOperands(Array(context.operands.indices))!.images.filter { $0.moments == nil }
        return try context.inLayout(.channelsLast, images: Set(images.flatMap { [$0.image, $0.addend].compactMap { $0 } }), lowerChannelsLast)
    }

    private func lowerChannelsLast(_ context: LoweringContext) throws -> Kernel {
        let fused = fusedOperands(Array(context.operands.indices))!
        let images = fused.images.map { (image: $0.image, addend: $0.addend, moments: $0.moments, channels: Int64(context.operands[$0.image].shape[1])) }
        let x = context.operands[fused.input]
        let (batch, pixels) = (Int64(x.shape[0]), Int64(x.shape[2] * x.shape[3]))
        let (groups, epsilon, scale, bias) = (Int64(groups), epsilon, fused.weights[0], fused.weights[1])
        let scratch = Int(dd_group_statistics_nhwc_scratch(batch, images.reduce(0) { $0 + $1.channels }, pixels))
        return Kernel("group_statistics nhwc", scratchByteCount: scratch) { arguments in
            let sources = images.map { image in
                dd_nhwc_source(
                    x: arguments.input(image.moments == nil ? image.image : nil), addend: arguments.input(image.addend), channels: image.channels,
                    moments: arguments.input(image.moments))
            }
            dd_group_statistics_nhwc_f32(
                arguments.pool.handle, arguments.output(0), arguments.output(1), sources, Int32(sources.count), arguments.input(scale),
                arguments.input(bias), batch, pixels, groups, epsilon, arguments.scratch)
        }
    }
}
