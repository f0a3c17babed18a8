import Files
import GraphIR
import Tensors

/// Convolution (cross-correlation) over any number of spatial dimensions: what ``Conv2D`` is for two.
///
/// Operands: input [N, C, ...], weight [O, C / groups, ...] and, if there are three, bias [O]. `padding` is zeros, what
/// comes in front of each spatial dimension and then what comes behind each.
public struct Convolution: Op {
    public static let name = "convolution"
    public static let family = OpFamily.convolution

    public var strides: [Int]
    public var padding: [Int]
    public var dilations: [Int]
    public var groups: Int

    public init(strides: [Int], padding: [Int], dilations: [Int], groups: Int = 1) {
        self.strides = strides
        self.padding = padding
        self.dilations = dilations
        self.groups = groups
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
        guard padding.allSatisfy({ $0 >= 0 }) else { throw InputError("padding must not be negative: \(padding)") }
        guard groups > 0, weight[0] % groups == 0, x[1] % groups == 0, x[1] / groups == weight[1] else {
            throw InputError("\(x[1]) channels do not go with weights \(weight) in \(groups) groups")
        }
        if operands.count == 3 { try Inference.requireShape(operands[2], [weight[0]], "bias") }
        let sizes = try (0..<rank).map { axis in
            let reach = dilations[axis] * (kernel[axis] - 1) + 1
            let padded = x[2 + axis] + padding[axis] + padding[rank + axis]
            guard padded >= reach else { throw InputError("\(operands[0]) is smaller than the kernel") }
            return (padded - reach) / strides[axis] + 1
        }
        return [TensorType(.float32, Shape([x[0], weight[0]] + sizes))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int {
        let weight = operands[1].shape
        return .saturatingProduct(2, results[0].elementCount, weight[0] == 0 ? 0 : weight.elementCount / weight[0])
    }
}

extension Convolution: DifferentiableOp {
    /// The transposed convolution with the same weights.
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        try b.requireInput(index)
        return try b.transposedConvolution(strides: strides, padding: padding, dilations: dilations, groups: groups)
    }
}
