import Files
import GraphIR
import Tensors

/// Two-dimensional convolution (cross-correlation), with all that can be folded into it.
///
/// As imported: operands `input` [N, C, H, W], `weight` [O, C / groups, kh, kw] and, if there are three, `bias` [O].
/// `padding` is [top, left, bottom, right], zeros.
///
/// Rewriting folds neighbours in. What the operands are then stands in `operands`:
/// - `input` and `second_input` are concatenated along the channels; `input_addend` and `second_input_addend` are added to them;
/// - `norm_scale`, `norm_shift` [N, C]: each channel x of the concatenation is read as `scale x + shift`, then `prologue`;
///   the padding is zeros behind that;
/// - `upsampling`: the image is read as if each pixel were repeated that often in both directions;
/// - `input_channels`, pairs of bounds [from, to, ...]: only these input channels of the weight are used, for an input that
///   has only those;
/// - then `y = activation(convolution + bias + channel_addend[N, O]) + residual[N, O, H', W']`;
/// - `moments`: a second result [N, O, 2], the mean and the variance (of all, not estimated from a sample) of each channel of `y`.
public struct Conv2D: Op {
    public static let name = "conv2d"

    public enum Operand: String, Codable, Sendable, CaseIterable {
        case input, secondInput = "second_input", inputAddend = "input_addend", secondInputAddend = "second_input_addend"
        case weight, bias
        case normScale = "norm_scale", normShift = "norm_shift"
        case channelAddend = "channel_addend", residual
        // Of group statistics alone, which read images in the same roles.
        case moments, secondMoments = "second_moments"

        /// Conv2D and GroupStatistics read their image through these.
        public static let images: Set<Operand> = [.input, .secondInput, .inputAddend, .secondInputAddend]
    }

    public var stride: [Int]
    public var padding: [Int]
    public var dilation: [Int]?
    public var groups: Int?
    public var upsampling: Int?
    public var inputChannels: [Int]?
    public var prologue: Activation?
    public var activation: Activation?
    public var moments: Bool?
    /// The roles of the operands in order; nil for input, weight and possibly bias.
    public var operands: [Operand]?

    public init(stride: [Int] = [1, 1], padding: [Int] = [0, 0, 0, 0]) {
        self.stride = stride
        self.padding = padding
    }

    public func roles(count: Int) -> [Operand] { operands ?? Array([.input, .weight, .bias].prefix(count)) }

    /// The place of the operand in that role, or nil where it has none.
    public func index(of role: Operand, count: Int) -> Int? { roles(count: count).firstIndex(of: role) }

    public func inferTypes(_ types: [TensorType]) throws -> [TensorType] {
        let roles = roles(count: types.count)
        guard roles.count == types.count, Set(roles).count == roles.count, roles.contains(.input), roles.contains(.weight),
            Set(roles).isDisjoint(with: [.moments, .secondMoments])
        else {
            throw InputError("the operands \(roles.map(\.rawValue)) do not go with \(types.count) values")
        }
        func type(_ role: Operand) -> TensorType? { roles.firstIndex(of: role).map { types[$0] } }
        let (x, weight) = (type(.input)!, type(.weight)!)
        try Inference.requireRank(x, 4, "input")
        try Inference.requireRank(weight, 4, "weight")
        try Inference.requireFloat(x, "input")
        try Inference.requireFloat(weight, "weight")
        try Inference.requireRowMajor([weight])
        try Inference.requirePositive(stride, "stride", count: 2)
        let dilation = dilation ?? [1, 1]
        try Inference.requirePositive(dilation, "dilation", count: 2)
        let groups = groups ?? 1
        let upsampling = upsampling ?? 1
        guard padding.count == 4, padding.allSatisfy({ $0 >= 0 }) else {
            throw InputError("padding must be [top, left, bottom, right], not \(padding)")
        }
        guard groups > 0, upsampling > 0, upsampling <= 64, activation != .geglu, prologue != .geglu else {
            throw InputError("unusable attributes")
        }
        var channels = x.shape[1]
        if let second = type(.secondInput) {
            try Inference.requireShape(second, [x.shape[0], second.shape.rank == 4 ? second.shape[1] : 0, x.shape[2], x.shape[3]], "second input")
            guard second.layout == x.layout else { throw InputError("the inputs have different layouts") }
            channels += second.shape[1]
            if let addend = type(.secondInputAddend) { try Inference.requireShape(addend, second.shape, "second addend") }
        }
        if let addend = type(.inputAddend) { try Inference.requireShape(addend, x.shape, "addend") }
        let (outputs, kernel) = (weight.shape[0], [weight.shape[2], weight.shape[3]])
        guard kernel.allSatisfy({ $0 > 0 }), channels == (try weightChannels(weight.shape)) * groups, outputs % groups == 0 else {
            throw InputError("\(channels) channels do not go with weights \(weight.shape) in \(groups) groups")
        }
        if let bias = type(.bias) { try Inference.requireShape(bias, [outputs], "bias") }
        for role in [Operand.normScale, .normShift] {
            if let norm = type(role) { try Inference.requireShape(norm, [x.shape[0], channels], role.rawValue) }
        }
        if let addend = type(.channelAddend) {
            guard addend.shape == [x.shape[0], outputs] || addend.shape == [1, outputs] else {
                throw InputError("the channel addend has shape \(addend.shape) where [\(x.shape[0]), \(outputs)] is needed")
            }
        }
        func size(_ axis: Int) throws -> Int {
            let reach = dilation[axis] * (kernel[axis] - 1) + 1
            let padded = x.shape[2 + axis] * upsampling + padding[axis] + padding[axis + 2]
            guard padded >= reach else { throw InputError("the image \(x) is smaller than the kernel") }
            return (padded - reach) / stride[axis] + 1
        }
        let shape: Shape = [x.shape[0], outputs, try size(0), try size(1)]
        if let residual = type(.residual) { try Inference.requireShape(residual, shape, "residual") }
        return [x.with(shape: shape)] + (moments == true ? [TensorType(x.elementType, [x.shape[0], outputs, 2])] : [])
    }

    /// Whether there is a kernel for it on channels-last images. Those take no groups and no dilation.
    public var hasChannelsLastKernel: Bool { groups ?? 1 == 1 && dilation ?? [1, 1] == [1, 1] && stride[0] == stride[1] }

    /// How many input channels of the weight are used.
    private func weightChannels(_ weight: Shape) throws -> Int {
        guard let bounds = inputChannels else { return weight[1] }
        guard !bounds.isEmpty, bounds.count % 2 == 0, bounds == bounds.sorted(), bounds[0] >= 0, bounds.last! <= weight[1], groups ?? 1 == 1
        else { throw InputError("input_channels \(bounds) are no parts of \(weight[1]) channels") }
        return Swift.stride(from: 0, to: bounds.count, by: 2).reduce(0) { $0 + bounds[$1 + 1] - bounds[$1] }
    }

    public func floatingPointOperations(operands types: [TensorType], results: [TensorType]) -> Int {
        let weight = types[index(of: .weight, count: types.count)!].shape
        return .saturatingProduct(2, results[0].elementCount, (try? weightChannels(weight)) ?? weight[1], weight[2], weight[3])
    }
}
