import GraphIR
import Tensors

/// `y = a b`, element by element; sizes of one are broadcast. Integers wrap around.
public struct Multiply: Op {
    public static let name = "multiply"

    public init() {}

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] { try Inference.arithmetic(operands) }
}
