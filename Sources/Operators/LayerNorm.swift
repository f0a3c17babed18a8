import Files
import GraphIR
import Tensors

/// `y = (x - mean) / sqrt(variance + epsilon) * scale + bias` over the last dimension.
public struct LayerNorm: Op {
    public static let name = "layer_norm"
    public static let family = OpFamily.normalization

    public var epsilon: Float

    public init(epsilon: Float = 1e-5) { self.epsilon = epsilon }

    public var keepsType: Bool { true }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 3)
        try Inference.requireFloat(operands[0], "input")
        guard operands[0].shape.rank >= 1, operands[0].layout == .rowMajor else {
            throw InputError("the input must be in row-major layout: \(operands[0])")
        }
        try Inference.requireShape(operands[1], [operands[0].shape[-1]], "scale")
        try Inference.requireShape(operands[2], [operands[0].shape[-1]], "bias")
        return [operands[0]]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 8 * results[0].elementCount }
}

extension LayerNorm: DifferentiableOp {
    /// `r (h - mean h - n mean(h n))` with h = scale g, the norm n before scale and bias, and r = 1 / sqrt(variance + epsilon).
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        try b.requireInput(index)
        let x = b.operands[0]
        let centred = try b.apply(Binary(.subtract), x, b.mean(x))
        let variance = try b.mean(b.apply(Multiply(), centred, centred))
        let epsilon = try b.apply(Constant(b.type(x).elementType, [], [Double(epsilon)]))
        let factor = try b.apply(Unary(.reciprocal), b.apply(Unary(.sqrt), b.apply(Add(), variance, epsilon)))
        let norm = try b.apply(Multiply(), centred, factor)
        let scaled = try b.apply(Multiply(), b.gradient(), b.operands[1])
        let along = try b.apply(Multiply(), norm, b.mean(b.apply(Multiply(), scaled, norm)))
        let rest = try b.apply(Binary(.subtract), b.apply(Binary(.subtract), scaled, b.mean(scaled)), along)
        return try b.apply(Multiply(), rest, factor)
    }
}
