import Files
import GraphIR
import Tensors

/// What remains of the elements along some axes: their `sum`, `mean`, `max`, `min`, `product`, `l1` (sum |x|), `l2`
/// (sqrt sum x x), `log_sum` (log sum x), `log_sum_exp` (log sum exp x) or `sum_square`.
///
/// Of no elements: sums 0, product 1, mean NaN (of integers 0), max and min the least and the greatest of the type. Sums of
/// floats accumulate in f64, integers wrap around; those of bool have only max (any) and min (all).
public struct Reduce: Op {
    public static let name = "reduce"
    public static let family = OpFamily.elementwise

    public enum Function: String, Codable, Sendable, CaseIterable {
        case sum, mean, max, min, product, l1, l2
        case logSum = "log_sum", logSumExp = "log_sum_exp", sumSquare = "sum_square"
    }

    public var function: Function
    public var axes: [Int]
    /// Whether the axes stay, with size one.
    public var keepsDimensions: Bool

    public init(_ function: Function, axes: [Int], keepsDimensions: Bool) {
        self.function = function
        self.axes = axes
        self.keepsDimensions = keepsDimensions
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        try Inference.requireRowMajor(operands)
        let x = operands[0]
        guard x.elementType != .bool || function == .max || function == .min else {
            throw InputError("\(function.rawValue) is not defined for \(x)")
        }
        let axes = try Inference.axes(axes, rank: x.shape.rank)
        return [TensorType(x.elementType, Inference.reduced(x.shape, axes, keepsDimensions: keepsDimensions))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { operands[0].elementCount }
}

extension Reduce: DifferentiableOp {
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        let repeated = try b.repeated(b.gradient(), along: axes)
        switch function {
        case .sum: return repeated
        case .mean:
            let count = b.type(b.operands[0]).elementCount / max(1, b.type(b.results[0]).elementCount)
            return try b.apply(Scale(factor: 1 / Float(count)), repeated)
        default: throw InputError("there is no rule for \(function.rawValue)")
        }
    }
}

extension Differentiation {
    /// What is the same for all elements of the operand along these axes, for each of them.
    mutating func repeated(_ gradient: ValueID, along axes: [Int]) throws -> ValueID {
        let shape = type(operands[0]).shape
        let kept = Inference.reduced(shape, try Inference.axes(axes, rank: shape.rank), keepsDimensions: true)
        return try apply(Expand(shape), apply(Reshape(kept), gradient))
    }
}
