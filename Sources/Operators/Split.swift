import Files
import GraphIR
import Tensors

/// Cuts a tensor into parts along one dimension: equal ones, or of the `sizes` that are given.
public struct Split: Op {
    public static let name = "split"
    public static let family = OpFamily.movement

    public var axis: Int
    public var parts: Int
    public var sizes: [Int]?

    public init(axis: Int, parts: Int) {
        self.axis = axis
        self.parts = parts
    }

    public init(axis: Int, sizes: [Int]) {
        self.axis = axis
        self.sizes = sizes
        parts = sizes.count
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        let axis = try Inference.axis(axis, rank: operands[0].shape.rank)
        let size = operands[0].shape[axis]
        guard parts > 0, parts <= 1024 else { throw InputError("cannot make \(parts) parts") }
        let sizes: [Int]
        if let given = self.sizes {
            guard given.count == parts, given.allSatisfy({ $0 >= 0 && $0 <= size }), given.reduce(0, +) == size else {
                throw InputError("size \(size) does not make \(parts) parts of \(given)")
            }
            sizes = given
        } else {
            guard size % parts == 0 else { throw InputError("size \(size) does not make \(parts) equal parts") }
            sizes = Array(repeating: size / parts, count: parts)
        }
        return sizes.map { part in
            var shape = operands[0].shape
            shape[axis] = part
            return operands[0].with(shape: shape)
        }
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension Split: DifferentiableOp {
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        let parts = try b.results.indices.map { try b.gradient($0) }
        return try b.builder.apply(Concat(axis: axis), parts)[0]
    }
}
