import Files
import GraphIR
import Tensors

/// Appends dimensions of size one behind the others. No number moves.
public struct Unsqueeze: ReshapingOp {
    public static let name = "unsqueeze"
    public static let family = OpFamily.movement

    public var count: Int

    public init(count: Int) { self.count = count }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        guard count > 0, count <= 8, operands[0].layout == .rowMajor else {
            throw InputError("cannot append \(count) dimensions to \(operands[0])")
        }
        return [
            TensorType(
                operands[0].elementType, Shape(operands[0].shape.dimensions + Array(repeating: 1, count: count)))
        ]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension Unsqueeze: DifferentiableOp {}
