import Files
import GraphIR
import Tensors

/// The same elements in the same order with other dimensions. No number moves.
public struct Reshape: ReshapingOp {
    public static let name = "reshape"
    public static let family = OpFamily.movement

    public var shape: [Int]

    public init(_ shape: Shape) { self.shape = shape.dimensions }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        let x = operands[0]
        try Inference.requireRowMajor(operands)
        guard let count = Shape(shape).checkedElementCount, count == x.elementCount else {
            throw InputError("\(x) has another number of elements than \(Shape(shape))")
        }
        return [TensorType(x.elementType, Shape(shape))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension Reshape: DifferentiableOp {}
