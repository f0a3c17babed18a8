import Files
import GraphIR
import Tensors

/// The k largest (or smallest) elements along an axis, in falling (rising) order, and where they are (i64).
///
/// Of equal ones the first comes first. NaN counts as larger than all numbers.
public struct TopK: Op {
    public static let name = "top_k"
    public static let family = OpFamily.movement

    public var axis: Int
    public var k: Int
    public var largest: Bool

    public init(axis: Int, k: Int, largest: Bool = true) {
        self.axis = axis
        self.k = k
        self.largest = largest
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        try Inference.requireRowMajor(operands)
        guard operands[0].elementType != .bool else { throw InputError("numbers are needed, not \(operands[0])") }
        var shape = operands[0].shape
        let axis = try Inference.axis(axis, rank: shape.rank)
        guard k >= 0, k <= shape[axis] else { throw InputError("\(operands[0]) has no \(k) elements along axis \(axis)") }
        shape[axis] = k
        return [TensorType(operands[0].elementType, shape), TensorType(.int64, shape)]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { operands[0].elementCount }
}
