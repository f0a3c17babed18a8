import Files
import GraphIR
import Tensors

/// Puts tensors one behind the other along one dimension.
public struct Concat: Op {
    public static let name = "concat"
    public static let family = OpFamily.movement

    public var axis: Int

    public init(axis: Int) { self.axis = axis }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        guard let first = operands.first else { throw InputError("needs at least one operand") }
        let axis = try Inference.axis(axis, rank: first.shape.rank)
        var shape = first.shape
        for other in operands.dropFirst() {
            var expected = first.shape
            expected[axis] = other.shape.rank == expected.rank ? other.shape[axis] : -1
            guard other.shape == expected, other.elementType == first.elementType, other.layout == first.layout else {
                throw InputError("\(first) and \(other) do not fit together along dimension \(axis)")
            }
            shape[axis] += other.shape[axis]
        }
        return [first.with(shape: shape)]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension Concat: DifferentiableOp {
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        let shapes = b.operands.map { b.type($0).shape }
        let sizes = shapes.map { $0[axis] }
        return try b.builder.apply(Split(axis: axis, sizes: sizes), [b.gradient()])[index]
    }
}
