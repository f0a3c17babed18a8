import GraphIR
import Tensors

/// `y = x / (1 + exp(-x))`, also called swish.
public struct SiLU: Op {
    public static let name = "silu"
    public static let family = OpFamily.activation

    public init() {}

    public var keepsType: Bool { true }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] { try Inference.unary(operands) }
}
