import Files
import GraphIR
import Tensors

/// `y[..., i, j] = x[..., i, j]` where `j <= i`, else minus infinity: a query sees no later key.
public struct CausalMask: Op {
    public static let name = "causal_mask"
    public static let family = OpFamily.attention

    public init() {}

    public var keepsType: Bool { true }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        let types = try Inference.unary(operands)
        guard types[0].shape.rank >= 2 else { throw InputError("scores have at least two dimensions, not \(types[0])") }
        try Inference.requireRowMajor(types)
        return types
    }
}

extension CausalMask: DifferentiableOp {
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID { try b.apply(Triangle(upper: false, diagonal: 0), b.gradient()) }
}
