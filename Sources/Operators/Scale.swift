import GraphIR
import Tensors

/// `y = factor x`
public struct Scale: Op {
    public static let name = "scale"
    public static let family = OpFamily.elementwise

    public var factor: Float

    public init(factor: Float) { self.factor = factor }

    public var keepsType: Bool { true }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] { try Inference.unary(operands) }
}

extension Scale: DifferentiableOp {
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID { try b.apply(self, b.gradient()) }
}
