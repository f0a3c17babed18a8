import Files
import GraphIR
import Tensors

/// Parts of a tensor by their position: `y[b..., i..., s...] = x[b..., indices[b..., i...]..., s...]`.
///
/// The last dimension of the indices (i32 or i64) holds a position in the dimensions of x behind the first
/// `batch_dimensions`, which both share. Negative indices count from the end; those outside are taken to the nearest one inside.
public struct GatherND: Op {
    public static let name = "gather_nd"
    public static let family = OpFamily.movement

    public var batchDimensions: Int

    public init(batchDimensions: Int = 0) { self.batchDimensions = batchDimensions }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 2)
        try Inference.requireRowMajor(operands)
        try Inference.requireIndices(operands[1])
        let (x, indices) = (operands[0].shape, operands[1].shape)
        guard indices.rank >= 1, batchDimensions >= 0, batchDimensions < indices.rank,
            indices[-1] <= x.rank - batchDimensions, x.dimensions.prefix(batchDimensions) == indices.dimensions.prefix(batchDimensions)
        else { throw InputError("indices \(indices) do not go with \(operands[0]) and \(batchDimensions) batch dimensions") }
        let depth = batchDimensions + indices[-1]
        let shape = Shape(Array(indices.dimensions.dropLast()) + Array(x.dimensions[depth...]))
        guard !x.dimensions[batchDimensions..<depth].contains(0) || shape.dimensions.contains(0) else {
            throw InputError("there is nothing in \(operands[0])")
        }
        return [TensorType(operands[0].elementType, shape)]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
