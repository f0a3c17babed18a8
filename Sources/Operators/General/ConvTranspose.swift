import Files
import GraphIR
import Tensors

/// Transposed convolution: each input element adds its multiple of the kernel to the result,
/// `y[o, p s + d k - padding] += w[c, o, k] x[c, p]`, plus bias.
///
/// Operands: input [N, C, ...], weight [C, O / groups, ...] and, if there are three, bias [O]. A spatial dimension has
/// `stride (size - 1) + dilation (kernel - 1) + 1 + output_padding - padding` elements; `padding` is what is cut off in front
/// of each and then behind each, and may be negative.
public struct ConvTranspose: Op {
    public static let name = "conv_transpose"
    public static let family = OpFamily.convolution

    public var strides: [Int]
    public var padding: [Int]
    public var dilations: [Int]
    public var groups: Int
    public var outputPadding: [Int]

    public init(strides: [Int], padding: [Int], dilations: [Int], groups: Int = 1, outputPadding: [Int]) {
        self.strides = strides
        self.padding = padding
        self.dilations = dilations
        self.groups = groups
        self.outputPadding = outputPadding
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        guard (2...3).contains(operands.count) else { throw InputError("takes 2 or 3 operands, not \(operands.count)") }
        try Inference.requireRowMajor(operands)
        try Inference.requireFloat32(operands)
        let (x, weight) = (operands[0].shape, operands[1].shape)
        let rank = x.rank - 2
        guard rank >= 1, weight.rank == x.rank else { throw InputError("weights \(weight) do not go with \(operands[0])") }
        let kernel = Array(weight.dimensions.dropFirst(2))
        try Inference.requireWindow(kernel: kernel, strides: strides, padding: padding, dilations: dilations)
        guard outputPadding.count == rank, outputPadding.allSatisfy({ $0 >= 0 }) else {
            throw InputError("output_padding must be \(rank) numbers, not \(outputPadding)")
        }
        try Inference.requireBounded(outputPadding, "output_padding")
        guard groups > 0, groups <= Attribute.integerLimit, x[1] % groups == 0, x[1] == weight[0] else {
            throw InputError("\(x[1]) channels do not go with weights \(weight) in \(groups) groups")
        }
        let channels = weight[1] * groups
        if operands.count == 3 { try Inference.requireShape(operands[2], [channels], "bias") }
        let sizes = try (0..<rank).map { axis in
            let full = strides[axis] * (x[2 + axis] - 1) + dilations[axis] * (kernel[axis] - 1) + 1
            let size = full + outputPadding[axis] - padding[axis] - padding[rank + axis]
            guard x[2 + axis] > 0, size >= 0 else { throw InputError("\(operands[0]) gives a result of size \(size) along axis \(2 + axis)") }
            return size
        }
        return [TensorType(.float32, Shape([x[0], channels] + sizes))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int {
        let weight = operands[1].shape
        return .saturatingProduct(2, operands[0].elementCount, weight[0] == 0 ? 0 : weight.elementCount / weight[0])
    }
}

extension ConvTranspose: DifferentiableOp {
    /// The convolution with the same weights.
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        try b.requireInput(index)
        guard zip(outputPadding, strides).allSatisfy({ $0 < $1 }) else { throw InputError("there is no rule for an output_padding as large as a stride") }
        guard strides.count == 2 else {
            return try b.apply(Convolution(strides: strides, padding: padding, dilations: dilations, groups: groups), b.gradient(), b.operands[1])
        }
        var op = Conv2D(stride: strides, padding: padding)
        if dilations != [1, 1] { op.dilation = dilations }
        if groups != 1 { op.groups = groups }
        return try b.apply(op, b.gradient(), b.operands[1])
    }
}
