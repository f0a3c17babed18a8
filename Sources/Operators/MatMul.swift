import Files
import GraphIR
import Tensors

/// `y = a b` for matrices in the last two dimensions, or `a b^T` with `transpose_b`; the dimensions in front are broadcast.
public struct MatMul: Op {
    public static let name = "matmul"
    public static let family = OpFamily.product

    public var transposeB: Bool

    public init(transposeB: Bool = false) { self.transposeB = transposeB }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 2)
        let (a, b) = (operands[0], operands[1])
        try Inference.requireFloat(a, "first matrix")
        guard a.elementType == b.elementType, a.layout == .rowMajor, b.layout == .rowMajor else {
            throw InputError("matrices of one element type in row-major layout are needed, not \(a) and \(b)")
        }
        guard a.shape.rank >= 2, b.shape.rank >= 2 else { throw InputError("matrices have two dimensions: \(a), \(b)") }
        let (inner, columns) = transposeB ? (b.shape[-1], b.shape[-2]) : (b.shape[-2], b.shape[-1])
        guard a.shape[-1] == inner else { throw InputError("the inner sizes \(a.shape[-1]) and \(inner) differ") }
        let batch = try Inference.broadcast(
            Shape(a.shape.dimensions.dropLast(2)), Shape(b.shape.dimensions.dropLast(2)))
        return [TensorType(a.elementType, Shape(batch.dimensions + [a.shape[-2], columns]))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int {
        .saturatingProduct(2, results[0].elementCount, operands[0].shape[-1])
    }
}

extension MatMul: DifferentiableOp {
    /// Of `a b`: `g b^T` and `a^T g`. Of `a b^T`: `g b` and `g^T a`.
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        let (gradient, other) = (try b.gradient(), b.operands[1 - index])
        let product =
            switch (index, transposeB) {
            case (0, let transposeB): try b.apply(MatMul(transposeB: !transposeB), gradient, other)
            case (_, false): try b.apply(MatMul(), b.transposed(other), gradient)
            case (_, true): try b.apply(MatMul(), b.transposed(gradient), other)
            }
        return try b.summed(product, toOperand: index)
    }
}
