import Files
import GraphIR
import Tensors

/// Rows of a table [V, C] by their number: [N, T] of i32 to [N, T, C]. Negative numbers count from the end.
public struct Embedding: Op {
    public static let name = "embedding"
    public static let family = OpFamily.other

    public init() {}

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 2)
        let (ids, table) = (operands[0], operands[1])
        guard ids.elementType == .int32 else { throw InputError("the row numbers must be i32, not \(ids)") }
        try Inference.requireRowMajor(operands)
        try Inference.requireRank(table, 2, "table")
        guard table.elementType == .float32 else { throw InputError("the table must be f32, not \(table)") }
        return [TensorType(.float32, Shape(ids.shape.dimensions + [table.shape[1]]))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
