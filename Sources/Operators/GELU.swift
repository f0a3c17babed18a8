import GraphIR
import Tensors

/// `y = x (1 + erf(x / sqrt 2)) / 2`, the exact form.
public struct GELU: Op {
    public static let name = "gelu"
    public static let family = OpFamily.activation

    public init() {}

    public var keepsType: Bool { true }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] { try Inference.unary(operands) }
}
