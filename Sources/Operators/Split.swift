import GraphIR
import Tensors

/// Cuts a tensor into equal parts along one dimension.
public struct Split: Op {
    public static let name = "split"

    public var axis: Int
    public var parts: Int

    public init(axis: Int, parts: Int) {
        self.axis = axis
        self.parts = parts
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        let axis = try Inference.axis(axis, rank: operands[0].shape.rank)
        guard parts > 0, parts <= 1024, operands[0].shape[axis] % parts == 0 else {
            throw InputError("size \(operands[0].shape[axis]) does not make \(parts) equal parts")
        }
        var shape = operands[0].shape
        shape[axis] /= parts
        return Array(repeating: operands[0].with(shape: shape), count: parts)
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
