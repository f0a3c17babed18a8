import Files
import GraphIR
import Tensors

/// Reorders dimensions: dimension i of the result is dimension `permutation[i]` of the operand.
public struct Transpose: Op {
    public static let name = "transpose"
    public static let family = OpFamily.movement

    public var permutation: [Int]

    public init(permutation: [Int]) { self.permutation = permutation }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        let x = operands[0]
        guard permutation.sorted() == Array(0..<x.shape.rank) else {
            throw InputError("\(permutation) does not reorder \(x.shape.rank) dimensions")
        }
        guard x.layout == .rowMajor else { throw InputError("the operand must be in row-major layout: \(x)") }
        return [TensorType(x.elementType, Shape(permutation.map { x.shape[$0] }))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension Transpose: DifferentiableOp {
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        try b.apply(Transpose(permutation: permutation.indices.map { permutation.firstIndex(of: $0)! }), b.gradient())
    }
}
