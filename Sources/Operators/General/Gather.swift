import Files
import GraphIR
import Tensors

/// Slices of a tensor by their number along an axis: `y[a..., i..., b...] = x[a..., indices[i...], b...]`.
///
/// Operands: x and indices (i32 or i64). Negative indices count from the end; those outside are taken to the nearest one inside.
public struct Gather: Op {
    public static let name = "gather"
    public static let family = OpFamily.movement

    public var axis: Int

    public init(axis: Int) { self.axis = axis }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 2)
        try Inference.requireRowMajor(operands)
        try Inference.requireIndices(operands[1])
        let d = operands[0].shape.dimensions
        let axis = try Inference.axis(axis, rank: d.count)
        let shape = Shape(Array(d[..<axis]) + operands[1].shape.dimensions + Array(d[(axis + 1)...]))
        guard d[axis] > 0 || shape.dimensions.contains(0) else {
            throw InputError("there is nothing along axis \(axis) of \(operands[0])")
        }
        return [TensorType(operands[0].elementType, shape)]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
