import Files
import GraphIR
import Tensors

/// The tensor `repeats[d]` times along each dimension d.
public struct Tile: Op {
    public static let name = "tile"
    public static let family = OpFamily.movement

    public var repeats: [Int]

    public init(repeats: [Int]) { self.repeats = repeats }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        try Inference.requireRowMajor(operands)
        let x = operands[0]
        guard repeats.count == x.shape.rank, repeats.allSatisfy({ $0 >= 0 }) else {
            throw InputError("repeats must be \(x.shape.rank) numbers, not \(repeats)")
        }
        try Inference.requireBounded(repeats, "repeats")
        return [TensorType(x.elementType, Shape(zip(x.shape.dimensions, repeats).map { $0 * $1 }))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
