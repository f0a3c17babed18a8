import Files
import GraphIR
import Tensors

/// `y[i, j, ...] = x[starts[0] + i steps[0], starts[1] + j steps[1], ...]`, with one start, size and step for each dimension.
/// Steps may be negative.
public struct Slice: Op {
    public static let name = "slice"
    public static let family = OpFamily.movement

    public var starts: [Int]
    public var sizes: [Int]
    public var steps: [Int]

    public init(starts: [Int], sizes: [Int], steps: [Int]) {
        self.starts = starts
        self.sizes = sizes
        self.steps = steps
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        try Inference.requireRowMajor(operands)
        let shape = operands[0].shape
        guard starts.count == shape.rank, sizes.count == shape.rank, steps.count == shape.rank else {
            throw InputError("starts, sizes and steps must be \(shape.rank) numbers each")
        }
        try Inference.requireBounded(starts + sizes + steps, "starts, sizes and steps")
        for (axis, size) in sizes.enumerated() where size != 0 {
            guard size > 0, steps[axis] != 0, (0..<shape[axis]).contains(starts[axis]),
                (0..<shape[axis]).contains(starts[axis] + (size - 1) * steps[axis])
            else {
                throw InputError("\(size) elements from \(starts[axis]) in steps of \(steps[axis]) are not all in dimension \(axis) of \(operands[0])")
            }
        }
        return [TensorType(operands[0].elementType, Shape(sizes))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
