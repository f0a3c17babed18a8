import Files
import GraphIR
import Tensors

/// `y = a b` for matrices of integers in the last two dimensions, as i32, which wraps around; the dimensions in front are
/// broadcast.
public struct MatMulInteger: Op {
    public static let name = "matmul_integer"
    public static let family = OpFamily.product

    public init() {}

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 2)
        try Inference.requireRowMajor(operands)
        let (a, b) = (operands[0], operands[1])
        guard a.elementType.isInteger, b.elementType.isInteger, a.shape.rank >= 2, b.shape.rank >= 2, a.shape[-1] == b.shape[-2] else {
            throw InputError("matrices of integers that go together are needed, not \(a) and \(b)")
        }
        let batch = try Inference.broadcast(Shape(a.shape.dimensions.dropLast(2)), Shape(b.shape.dimensions.dropLast(2)))
        return [TensorType(.int32, Shape(batch.dimensions + [a.shape[-2], b.shape[-1]]))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int {
        .saturatingProduct(2, results[0].elementCount, operands[0].shape[-1])
    }
}
