import Files
import GraphIR
import Tensors

/// Two-dimensional convolution (cross-correlation), with all that can be folded into it.
///
/// As imported: operands `input` [N, C, H, W], `weight` [O, C / groups, kh, kw] and, if there are three, `bias` [O].
/// `padding` is [top, left, bottom, right], zeros.
///
/// Rewriting folds neighbours in: `y = epilogue(convolution(prologue(input), weight))`. The operands stand in the order in which they are used.
/// - `prologue`: `concat`, `add`, `scale_shift`, `silu`; the padding is zeros behind it.
/// - `epilogue`: `add_bias`, `add_per_channel`, `silu`, `add_residual`, `take_moments`.
/// - `upsampling`: the image is read as if each pixel were repeated that often in both directions, behind the prologue.
/// - `input_channels`, pairs of bounds [from, to, ...]: only these input channels of the weight are used, for an input that
///   has only those.
/// - `flips_weight`: the weight is [C, O, kh, kw] and read from the ends of its last two dimensions, so that this is the gradient of the convolution with that weight.
public struct Conv2D: FusedOp {
    public static let name = "conv2d"
    public static let family = OpFamily.convolution

    public var stride: [Int]
    public var padding: [Int]
    public var dilation: [Int]?
    public var groups: Int?
    public var upsampling: Int?
    public var inputChannels: [Int]?
    public var flipsWeight: Bool?
    public var prologue: [PrologueStep]?
    public var epilogue: [EpilogueStep]?

    public init(stride: [Int] = [1, 1], padding: [Int] = [0, 0, 0, 0]) {
        self.stride = stride
        self.padding = padding
    }

    public var weightCount: Int { 1 }

    public func inferTypes(_ types: [TensorType]) throws -> [TensorType] {
        let operands = try fusedTypes(
            types, reading: [.concat, .add, .scaleShift, .silu], writing: [.addBias, .addPerChannel, .silu, .addResidual, .takeMoments])
        let (x, weight) = (operands.input, operands.weights[0])
        let channels = try operands.requireImages()
        guard operands.images.allSatisfy({ $0.image.layout == x.layout }) else { throw InputError("the inputs have different layouts") }
        try Inference.requireRank(weight, 4, "weight")
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
        guard groups > 0, upsampling > 0, upsampling <= 64 else { throw InputError("unusable attributes") }
        guard flipsWeight != true || groups == 1 else { throw InputError("there are no groups of a flipped weight") }
        let read = readShape(ofWeight: weight.shape)
        let (outputs, kernel) = (read[0], [read[2], read[3]])
        guard kernel.allSatisfy({ $0 > 0 }), channels == (try weightChannels(read)) * groups, outputs % groups == 0 else {
            throw InputError("\(channels) channels do not go with weights \(weight.shape) in \(groups) groups")
        }
        for norm in operands[.scaleShift] ?? [] { try Inference.requireShape(norm, [x.shape[0], channels], "scale or shift") }
        for bias in operands[.addBias] ?? [] { try Inference.requireShape(bias, [outputs], "bias") }
        for addend in operands[.addPerChannel] ?? [] {
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
        for residual in operands[.addResidual] ?? [] { try Inference.requireShape(residual, shape, "residual") }
        return [x.with(shape: shape)] + (operands[.takeMoments] == nil ? [] : [TensorType(x.elementType, [x.shape[0], outputs, 2])])
    }

    /// Whether there is a kernel for it on channels-last images. Those take no groups and no dilation.
    public var hasChannelsLastKernel: Bool { groups ?? 1 == 1 && dilation ?? [1, 1] == [1, 1] && stride[0] == stride[1] }

    /// The shape [O, C, kh, kw] of a weight as it is read.
    public func readShape(ofWeight shape: Shape) -> Shape { flipsWeight == true ? [shape[1], shape[0], shape[2], shape[3]] : shape }

    /// How many input channels of the weight, as it is read, are used.
    private func weightChannels(_ weight: Shape) throws -> Int {
        guard let bounds = inputChannels else { return weight[1] }
        guard !bounds.isEmpty, bounds.count % 2 == 0, bounds == bounds.sorted(), bounds[0] >= 0, bounds.last! <= weight[1], groups ?? 1 == 1
        else { throw InputError("input_channels \(bounds) are no parts of \(weight[1]) channels") }
        return Swift.stride(from: 0, to: bounds.count, by: 2).reduce(0) { $0 + bounds[$1 + 1] - bounds[$1] }
    }

    public func floatingPointOperations(operands types: [TensorType], results: [TensorType]) -> Int {
        let weight = readShape(ofWeight: fusedOperands(types)!.weights[0].shape)
        return .saturatingProduct(2, results[0].elementCount, (try? weightChannels(weight)) ?? weight[1], weight[2], weight[3])
    }
}

extension Conv2D: DifferentiableOp {
    /// The transposed convolution with the same weights.
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        try b.requireImported(self, operand: index)
        guard upsampling ?? 1 == 1, inputChannels == nil, flipsWeight == nil else { throw InputError("there is a rule for plain convolutions alone") }
        return try b.transposedConvolution(strides: stride, padding: padding, dilations: dilation ?? [1, 1], groups: groups ?? 1)
    }
}

extension Differentiation {
    /// The gradient of a convolution with respect to its input.
    mutating func transposedConvolution(strides: [Int], padding: [Int], dilations: [Int], groups: Int) throws -> ValueID {
        let (image, weight) = (type(operands[0]).shape, type(operands[1]).shape)
        // What lies behind the last step and meets no kernel has a gradient of zero.
        let rest = strides.indices.map { axis in
            let padded = image[2 + axis] + padding[axis] + padding[strides.count + axis]
            return (padded - dilations[axis] * (weight[2 + axis] - 1) - 1) % strides[axis]
        }
        let op = ConvTranspose(strides: strides, padding: padding, dilations: dilations, groups: groups, outputPadding: rest)
        return try apply(op, gradient(), operands[1])
    }
}
