import Files
import GraphIR
import Tensors

/// Repeats each pixel `factor` times in both directions.
public struct UpsampleNearest: Op {
    public static let name = "upsample_nearest"
    public static let family = OpFamily.movement

    public var factor: Int

    public init(factor: Int) { self.factor = factor }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        let x = operands[0]
        try Inference.requireRank(x, 4, "image")
        guard factor > 0, factor <= 64 else { throw InputError("the factor must be 1 to 64, not \(factor)") }
        return [x.with(shape: [x.shape[0], x.shape[1], x.shape[2] * factor, x.shape[3] * factor])]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension UpsampleNearest: DifferentiableOp {
    /// The sum over each block.
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        let block = [factor, factor]
        let mean = try b.apply(Pool(.average, kernelSize: block, strides: block, padding: [0, 0, 0, 0], dilations: [1, 1]), b.gradient())
        return try b.apply(Scale(factor: Float(factor * factor)), mean)
    }
}
