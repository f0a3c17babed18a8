import Files
import GraphIR
import Tensors

/// Cuts images into overlapping windows of at most `size` by `size` positions: [N, C, H, W] to [N windows, C, h, w].
///
/// Along an axis of n > size positions there are `ceil(n / size)` windows, `ceil((n - size) / (count - 1))` apart, the last
/// aligned to the end. An image that fits is its own single window.
public struct WindowPartition: Op {
    public static let name = "window_partition"
    public static let family = OpFamily.movement

    public var size: Int

    public init(size: Int) { self.size = size }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        let x = operands[0]
        try Inference.requireRank(x, 4, "image")
        guard size > 0 else { throw InputError("the window's size must be positive") }
        let (vertical, horizontal) = (WindowAxis(length: x.shape[2], size: size), WindowAxis(length: x.shape[3], size: size))
        let windows = Shape([x.shape[0], vertical.count, horizontal.count]).checkedElementCount ?? Int.max
        return [x.with(shape: [windows, x.shape[1], vertical.size, horizontal.size])]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
