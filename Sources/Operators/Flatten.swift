import Files
import GraphIR
import Tensors

/// Merges the dimensions `first ... last` into one. No number moves.
public struct Flatten: ReshapingOp {
    public static let name = "flatten"
    public static let family = OpFamily.movement

    public var first: Int
    public var last: Int

    public init(first: Int, last: Int) {
        self.first = first
        self.last = last
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        let x = operands[0]
        let (first, last) = (try Inference.axis(first, rank: x.shape.rank), try Inference.axis(last, rank: x.shape.rank))
        guard first <= last, x.layout == .rowMajor else { throw InputError("cannot merge dimensions \(first)...\(last) of \(x)") }
        let d = x.shape.dimensions
        guard let merged = Shape(Array(d[first...last])).checkedElementCount else { throw InputError("\(x) is too large") }
        return [TensorType(x.elementType, Shape(Array(d[..<first]) + [merged] + Array(d[(last + 1)...])))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension Flatten: DifferentiableOp {}
