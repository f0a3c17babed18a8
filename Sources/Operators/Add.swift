import GraphIR
import Tensors

/// `y = a + b`; sizes of one are broadcast. Integers wrap around.
public struct Add: Op {
    public static let name = "add"
    public static let family = OpFamily.elementwise

    public init() {}

    public var isCommutative: Bool { true }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] { try Inference.arithmetic(operands) }
}

extension Add: DifferentiableOp {
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID { try b.summed(b.gradient(), toOperand: index) }
}
