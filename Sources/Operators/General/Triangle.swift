import Files
import GraphIR
import Tensors

/// Of matrices in the last two dimensions what lies on and above (`upper`) or on and below a diagonal, 0 elsewhere. Element
/// (i, j) is on diagonal j - i.
public struct Triangle: Op {
    public static let name = "triangle"
    public static let family = OpFamily.movement

    public var upper: Bool
    public var diagonal: Int

    public init(upper: Bool, diagonal: Int = 0) {
        self.upper = upper
        self.diagonal = diagonal
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        try Inference.requireRowMajor(operands)
        guard operands[0].shape.rank >= 2 else { throw InputError("a matrix has two dimensions: \(operands[0])") }
        try Inference.requireBounded([diagonal], "the diagonal")
        return operands
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
