import Files
import GraphIR
import Tensors

/// The gradient of a group norm with respect to its input: with the norm n before scale and bias, r = 1 / sqrt(variance + epsilon) and
/// `h = scale[c] g`, `y = r (h - mean h - n mean(h n))`, the means over each group of channels of an image. With `activation`, that function stood behind
/// the norm, and g is the gradient behind it.
///
/// Operands: the input [N, C, H, W], the norm's scale and bias [C], and g, of the input's type.
public struct GroupNormGradient: Op {
    public static let name = "group_norm_gradient"
    public static let family = OpFamily.normalization

    public var groups: Int
    public var epsilon: Float
    public var activation: GroupNorm.Activation?

    public init(groups: Int, epsilon: Float, activation: GroupNorm.Activation? = nil) {
        self.groups = groups
        self.epsilon = epsilon
        self.activation = activation
    }

    public var keepsType: Bool { true }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 4)
        let types = try GroupNorm(groups: groups, epsilon: epsilon).inferTypes(Array(operands.prefix(3)))
        try Inference.requireRank(types[0], 4, "input")
        guard operands[3] == types[0] else { throw InputError("the gradient \(operands[3]) is not of the input's type \(types[0])") }
        return types
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { (activation == nil ? 16 : 32) * results[0].elementCount }
}
