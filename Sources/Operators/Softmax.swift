import Files
import GraphIR
import Tensors

/// `y = exp(x - max x) / sum exp(x - max x)` along the last dimension.
public struct Softmax: Op {
    public static let name = "softmax"
    public static let family = OpFamily.attention

    public init() {}

    public var keepsType: Bool { true }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        let types = try Inference.unary(operands)
        guard types[0].shape.rank >= 1 else { throw InputError("a scalar has no last dimension") }
        try Inference.requireRowMajor(types)
        return types
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 5 * results[0].elementCount }
}

extension Softmax: DifferentiableOp {
    /// `y (g - sum g y)`
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID { try b.softmaxGradient(b.gradient(), result: b.results[0]) }
}

extension Differentiation {
    mutating func softmaxGradient(_ gradient: ValueID, result y: ValueID) throws -> ValueID {
        let sum = try apply(Reduce(.sum, axes: [-1], keepsDimensions: true), apply(Multiply(), gradient, y))
        return try apply(Multiply(), y, apply(Binary(.subtract), gradient, sum))
    }
}
