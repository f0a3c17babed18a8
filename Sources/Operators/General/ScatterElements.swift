import Files
import GraphIR
import Tensors

/// A copy of x with elements replaced: `y[i, indices[i, j, k], k] = updates[i, j, k]` for axis 1.
///
/// Operands: x, indices (i32 or i64) and updates of their shape. Negative indices count from the end; those outside are left
/// out. With a `reduction` the update is added to, multiplied with, or compared with what is there; without one, the last
/// of several for one place stays.
public struct ScatterElements: Op {
    public static let name = "scatter_elements"
    public static let family = OpFamily.movement

    public var axis: Int
    public var reduction: ScatterReduction

    public init(axis: Int, reduction: ScatterReduction = .none) {
        self.axis = axis
        self.reduction = reduction
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 3)
        try Inference.requireRowMajor(operands)
        try Inference.requireElementIndices(operands[1], in: operands[0].shape, axis: axis)
        try reduction.requireFit(operands[0])
        guard operands[2].elementType == operands[0].elementType, operands[2].shape == operands[1].shape else {
            throw InputError("the updates must be \(TensorType(operands[0].elementType, operands[1].shape)), not \(operands[2])")
        }
        return [operands[0]]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { operands[2].elementCount }
}
