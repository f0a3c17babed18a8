import Files
import GraphIR
import Tensors

/// Elements by their number along an axis: `y[i, j, k] = x[i, indices[i, j, k], k]` for axis 1.
///
/// Operands: x and indices (i32 or i64) of the same rank, nowhere larger than x but along the axis. Negative indices count
/// from the end; those outside are taken to the nearest one inside.
public struct GatherElements: Op {
    public static let name = "gather_elements"
    public static let family = OpFamily.movement

    public var axis: Int

    public init(axis: Int) { self.axis = axis }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 2)
        try Inference.requireRowMajor(operands)
        try Inference.requireElementIndices(operands[1], in: operands[0].shape, axis: axis)
        let axis = try Inference.axis(axis, rank: operands[0].shape.rank)
        guard operands[0].shape[axis] > 0 || operands[1].shape.dimensions.contains(0) else {
            throw InputError("there is nothing along axis \(axis) of \(operands[0])")
        }
        return [TensorType(operands[0].elementType, operands[1].shape)]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
