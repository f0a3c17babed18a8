import GraphIR
import Tensors

/// `y = a + b`; sizes of one are broadcast.
public struct Add: Op {
    public static let name = "add"

    public init() {}

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] { try Inference.elementwise(operands) }
}
