import Files
import GraphIR
import Tensors

/// The sum along one dimension, which disappears.
public struct ReduceSum: Op {
    public static let name = "reduce_sum"
    public static let family = OpFamily.elementwise

    public var axis: Int

    public init(axis: Int) { self.axis = axis }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        let x = try Inference.unary(operands)[0]
        let axis = try Inference.axis(axis, rank: x.shape.rank)
        guard x.layout == .rowMajor else { throw InputError("the operand must be in row-major layout: \(x)") }
        var dimensions = x.shape.dimensions
        dimensions.remove(at: axis)
        return [TensorType(x.elementType, Shape(dimensions))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { operands[0].elementCount }
}

extension ReduceSum: DifferentiableOp {
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID { try b.repeated(b.gradient(), along: [axis]) }
}
