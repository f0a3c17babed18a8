import Files
import GraphIR
import Tensors

/// `y[i] = x[0] + ... + x[i]` along an axis; `exclusive` leaves out x[i] itself, `reversed` sums from the other end.
public struct CumulativeSum: Op {
    public static let name = "cumulative_sum"
    public static let family = OpFamily.elementwise

    public var axis: Int
    public var exclusive: Bool
    public var reversed: Bool

    public init(axis: Int, exclusive: Bool = false, reversed: Bool = false) {
        self.axis = axis
        self.exclusive = exclusive
        self.reversed = reversed
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        try Inference.requireRowMajor(operands)
        guard operands[0].elementType != .bool else { throw InputError("numbers are needed, not \(operands[0])") }
        _ = try Inference.axis(axis, rank: operands[0].shape.rank)
        return operands
    }
}
