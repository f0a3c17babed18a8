import GraphIR
import Tensors

/// The same numbers as another type.
///
/// Floats round to nearest even; from floats to integers the fraction is cut off, what lies outside becomes the nearest
/// integer of the type, and NaN 0. Integers wrap around in narrower ones. To bool: whether it is not 0.
public struct Cast: Op {
    public static let name = "cast"
    public static let family = OpFamily.elementwise

    public var to: ElementType

    public init(to: ElementType) { self.to = to }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        return [TensorType(to, operands[0].shape, layout: operands[0].layout)]
    }
}
