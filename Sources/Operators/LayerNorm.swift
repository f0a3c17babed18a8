import Files
import GraphIR
import Tensors

/// `y = (x - mean) / sqrt(variance + epsilon) * scale + bias` over the last dimension.
public struct LayerNorm: Op {
    public static let name = "layer_norm"
    public static let family = OpFamily.normalization

    public var epsilon: Float

    public init(epsilon: Float = 1e-5) { self.epsilon = epsilon }

    public var keepsType: Bool { true }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 3)
        try Inference.requireFloat(operands[0], "input")
        guard operands[0].shape.rank >= 1, operands[0].layout == .rowMajor else {
            throw InputError("the input must be in row-major layout: \(operands[0])")
        }
        try Inference.requireShape(operands[1], [operands[0].shape[-1]], "scale")
        try Inference.requireShape(operands[2], [operands[0].shape[-1]], "bias")
        return [operands[0]]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 8 * results[0].elementCount }
}
