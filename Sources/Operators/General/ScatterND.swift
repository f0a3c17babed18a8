import Files
import GraphIR
import Tensors

/// A copy of x with parts replaced: `y[indices[i...]..., s...] = updates[i..., s...]`.
///
/// Operands: x, indices (i32 or i64) [I..., d], whose last dimension holds a position in the first d dimensions of x, and
/// updates [I..., the others of x]. Negative indices count from the end; positions outside are left out. With a `reduction`
/// the update is added to, multiplied with, or compared with what is there; without one, the last of several for one place stays.
public struct ScatterND: Op {
    public static let name = "scatter_nd"
    public static let family = OpFamily.movement

    public var reduction: ScatterReduction

    public init(reduction: ScatterReduction = .none) { self.reduction = reduction }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 3)
        try Inference.requireRowMajor(operands)
        try Inference.requireIndices(operands[1])
        try reduction.requireFit(operands[0])
        let (x, indices) = (operands[0].shape, operands[1].shape)
        guard indices.rank >= 1, indices[-1] <= x.rank else { throw InputError("indices \(indices) do not go with \(operands[0])") }
        let shape = Shape(Array(indices.dimensions.dropLast()) + Array(x.dimensions[indices[-1]...]))
        guard operands[2].elementType == operands[0].elementType, operands[2].shape == shape else {
            throw InputError("the updates must be \(TensorType(operands[0].elementType, shape)), not \(operands[2])")
        }
        return [operands[0]]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { operands[2].elementCount }
}
