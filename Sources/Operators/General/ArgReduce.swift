import Files
import GraphIR
import Tensors

/// Where along an axis the `max` or the `min` is, as i64. Of equal ones the first, or with `selects_last` the last; a NaN
/// counts as the extreme.
public struct ArgReduce: Op {
    public static let name = "arg_reduce"
    public static let family = OpFamily.elementwise

    public enum Function: String, Codable, Sendable, CaseIterable { case max, min }

    public var function: Function
    public var axis: Int
    /// Whether the axis stays, with size one.
    public var keepsDimensions: Bool
    public var selectsLast: Bool

    public init(_ function: Function, axis: Int, keepsDimensions: Bool, selectsLast: Bool = false) {
        self.function = function
        self.axis = axis
        self.keepsDimensions = keepsDimensions
        self.selectsLast = selectsLast
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        try Inference.requireRowMajor(operands)
        let shape = operands[0].shape
        let axis = try Inference.axis(axis, rank: shape.rank)
        guard shape[axis] > 0 else { throw InputError("there is no \(function.rawValue) along axis \(axis) of \(operands[0])") }
        return [TensorType(.int64, Inference.reduced(shape, [axis], keepsDimensions: keepsDimensions))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { operands[0].elementCount }
}
