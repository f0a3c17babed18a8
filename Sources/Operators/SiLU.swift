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

extension SiLU: DifferentiableOp {
    /// `g (s + y (1 - s))` with the sigmoid s.
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        let (sigmoid, y) = (try b.apply(Unary(.sigmoid), b.operands[0]), b.results[0])
        let slope = try b.apply(Add(), sigmoid, b.apply(Binary(.subtract), y, b.apply(Multiply(), y, sigmoid)))
        return try b.apply(Multiply(), b.gradient(), slope)
    }
}
