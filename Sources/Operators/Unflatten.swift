import Files
import GraphIR
import Tensors

/// Splits one dimension into several; one of the sizes may be -1, which is what remains. No number moves.
public struct Unflatten: ReshapingOp {
    public static let name = "unflatten"
    public static let family = OpFamily.movement

    public var axis: Int
    public var sizes: [Int]

    public init(axis: Int, sizes: [Int]) {
        self.axis = axis
        self.sizes = sizes
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        let x = operands[0]
        let axis = try Inference.axis(axis, rank: x.shape.rank)
        guard x.layout == .rowMajor else { throw InputError("the operand must be in row-major layout: \(x)") }
        let known = sizes.filter { $0 != -1 }
        guard sizes.count - known.count <= 1, known.allSatisfy({ $0 > 0 }),
            let product = Shape(known).checkedElementCount, product > 0, x.shape[axis] % product == 0,
            known.count < sizes.count || product == x.shape[axis]
        else { throw InputError("size \(x.shape[axis]) does not split into \(sizes)") }
        let d = x.shape.dimensions
        let split = sizes.map { $0 == -1 ? d[axis] / product : $0 }
        return [TensorType(x.elementType, Shape(Array(d[..<axis]) + split + Array(d[(axis + 1)...])))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension Unflatten: DifferentiableOp {}
