import GraphIR
import Tensors

/// The same image with its bytes in another order.
public struct ConvertLayout: Op {
    public static let name = "convert_layout"
    public static let family = OpFamily.movement

    public var layout: Layout

    public init(layout: Layout) { self.layout = layout }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        try Inference.requireRank(operands[0], 4, "image")
        return [TensorType(operands[0].elementType, operands[0].shape, layout: layout)]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
