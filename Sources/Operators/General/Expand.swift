import Files
import GraphIR
import Tensors

/// Repeats along dimensions of size one, and along new ones in front, up to the given shape.
public struct Expand: Op {
    public static let name = "expand"
    public static let family = OpFamily.movement

    public var shape: [Int]

    public init(_ shape: Shape) { self.shape = shape.dimensions }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        try Inference.requireRowMajor(operands)
        guard shape.allSatisfy({ $0 >= 0 }), try Inference.broadcast(operands[0].shape, Shape(shape)).dimensions == shape else {
            throw InputError("\(operands[0]) does not expand to \(Shape(shape))")
        }
        return [TensorType(operands[0].elementType, Shape(shape))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension Expand: DifferentiableOp {
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID { try b.summed(b.gradient(), toOperand: index) }
}
