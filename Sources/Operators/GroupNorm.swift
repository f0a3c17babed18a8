import Files
import GraphIR
import Tensors

/// `y = (x - mean) / sqrt(variance + epsilon) * scale[c] + bias[c]`, mean and variance over each group of channels of an image.
///
/// Channels are dimension 1 of [N, C, ...]. With `activation`, that function of y.
public struct GroupNorm: Op {
    public static let name = "group_norm"
    public static let family = OpFamily.normalization

    public enum Activation: String, Codable, Sendable {
        case silu
    }

    public var groups: Int
    public var epsilon: Float
    public var activation: Activation?

    public init(groups: Int = 32, epsilon: Float, activation: Activation? = nil) {
        self.groups = groups
        self.epsilon = epsilon
        self.activation = activation
    }

    public var keepsType: Bool { true }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 3)
        let x = operands[0]
        try Inference.requireFloat(x, "input")
        guard x.shape.rank >= 3 else { throw InputError("the input needs dimensions N, C and more: \(x)") }
        guard groups > 0, x.shape[1] % groups == 0 else {
            throw InputError("\(x.shape[1]) channels do not make \(groups) groups")
        }
        try Inference.requireShape(operands[1], [x.shape[1]], "scale")
        try Inference.requireShape(operands[2], [x.shape[1]], "bias")
        return [x]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int {
        (activation == nil ? 8 : 12) * results[0].elementCount
    }
}

extension GroupNorm: DifferentiableOp {
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        try b.requireInput(index)
        let op = GroupNormGradient(groups: groups, epsilon: epsilon, activation: activation)
        return try b.apply(op, b.operands[0], b.operands[1], b.operands[2], b.gradient())
    }
}
