import Files
import GraphIR
import Tensors

/// Adds `before[d]` elements in front of dimension d and `after[d]` behind it; negative numbers cut off.
///
/// What is added is a `constant` (a second operand, a scalar of the same type; 0 without), the `edge`, the tensor mirrored at
/// its outermost elements (`reflect`), or the tensor again and again (`wrap`). What is to be cut off is cut off first.
public struct Pad: Op {
    public static let name = "pad"
    public static let family = OpFamily.movement

    public enum Mode: String, Codable, Sendable, CaseIterable { case constant, reflect, edge, wrap }

    public var before: [Int]
    public var after: [Int]
    public var mode: Mode

    public init(before: [Int], after: [Int], mode: Mode = .constant) {
        self.before = before
        self.after = after
        self.mode = mode
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        guard operands.count == 1 || (operands.count == 2 && mode == .constant) else {
            throw InputError("takes a tensor and, for a constant, its value, not \(operands.count) operands")
        }
        try Inference.requireRowMajor(operands)
        let x = operands[0]
        guard before.count == x.shape.rank, after.count == x.shape.rank else {
            throw InputError("before and after must be \(x.shape.rank) numbers each")
        }
        try Inference.requireBounded(before + after, "before and after")
        if operands.count == 2 {
            guard operands[1].elementType == x.elementType, operands[1].elementCount == 1 else {
                throw InputError("the value must be one \(x.elementType.rawValue), not \(operands[1])")
            }
        }
        var shape = x.shape
        for axis in before.indices {
            shape[axis] += before[axis] + after[axis]
            let kept = x.shape[axis] + min(0, before[axis]) + min(0, after[axis])
            guard shape[axis] >= 0, kept >= 0 || mode == .constant else {
                throw InputError("dimension \(axis) of \(x) has not so many elements to cut off")
            }
            guard kept > 0 || mode == .constant || shape[axis] == 0 else {
                throw InputError("dimension \(axis) of \(x) has no elements to repeat")
            }
        }
        return [TensorType(x.elementType, shape)]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
