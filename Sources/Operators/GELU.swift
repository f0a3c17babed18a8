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

extension GELU: DifferentiableOp {
    /// `g (P + x p)` with the normal distribution's P = (1 + erf(x / sqrt 2)) / 2 and p = exp(-x x / 2) / sqrt(2 pi).
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        let x = b.operands[0]
        let error = try b.apply(Unary(.erf), b.apply(Scale(factor: Float(0.5).squareRoot()), x))
        let half = try b.apply(Constant(b.type(x).elementType, [], [0.5]))
        let share = try b.apply(Add(), b.apply(Scale(factor: 0.5), error), half)
        let density = try b.apply(Unary(.exp), b.apply(Scale(factor: -0.5), b.apply(Multiply(), x, x)))
        let slope = try b.apply(Add(), share, b.apply(Scale(factor: 1 / (2 * Float.pi).squareRoot()), b.apply(Multiply(), x, density)))
        return try b.apply(Multiply(), b.gradient(), slope)
    }
}
