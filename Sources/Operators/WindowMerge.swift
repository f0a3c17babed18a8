import Files
import GraphIR
import Tensors

/// Puts windows back into images, averaging where they overlap: the inverse of ``WindowPartition``.
///
/// The second operand is the image that was cut, or one of its size; only its type is read.
public struct WindowMerge: Op {
    public static let name = "window_merge"
    public static let family = OpFamily.movement

    public var size: Int

    public init(size: Int) { self.size = size }

    public func readsData(ofOperand index: Int) -> Bool { index == 0 }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 2)
        let (windows, like) = (operands[0], operands[1])
        try Inference.requireRank(windows, 4, "windows")
        let expected = try WindowPartition(size: size).inferTypes([like])[0]
        guard windows.shape[0] == expected.shape[0], windows.shape[2] == expected.shape[2],
            windows.shape[3] == expected.shape[3], windows.layout == like.layout
        else { throw InputError("\(windows) are not the windows of \(like)") }
        return [like.with(shape: [like.shape[0], windows.shape[1], like.shape[2], like.shape[3]])]
    }
}
