import GraphIR
import Tensors

/// `y = a b`, element by element; sizes of one are broadcast. Integers wrap around.
public struct Multiply: Op {
    public static let name = "multiply"
    public static let family = OpFamily.elementwise

    public init() {}

    public var isCommutative: Bool { true }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] { try Inference.arithmetic(operands) }
}

extension Multiply: DifferentiableOp {
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        try b.summed(b.apply(Multiply(), b.gradient(), b.operands[1 - index]), toOperand: index)
    }
}
