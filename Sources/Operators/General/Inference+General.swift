import Files
import GraphIR
import Tensors

/// What type inference of the general ops shares.
extension Inference {
    static func requireRowMajor(_ types: [TensorType]) throws {
        guard let other = types.first(where: { $0.layout != .rowMajor }) else { return }
        throw InputError("the operands must be in row-major layout: \(other)")
    }

    static func requireFloat32(_ types: [TensorType]) throws {
        guard let other = types.first(where: { $0.elementType != .float32 }) else { return }
        throw InputError("the operands must be f32, not \(other)")
    }

    /// Keeps attributes of ops that were not read from a text in the range of those that were.
    static func requireBounded(_ values: [Int], _ name: String) throws {
        guard values.allSatisfy({ $0.magnitude <= UInt(Attribute.integerLimit) }) else { throw InputError("\(name) are too large: \(values)") }
    }

    static func requireIndices(_ type: TensorType) throws {
        guard type.elementType == .int64 || type.elementType == .int32 else { throw InputError("indices must be i32 or i64, not \(type)") }
    }

    /// Indices of the rank of what they point into, nowhere larger but along the axis.
    static func requireElementIndices(_ indices: TensorType, in shape: Shape, axis: Int) throws {
        try requireIndices(indices)
        let axis = try Inference.axis(axis, rank: shape.rank)
        guard indices.shape.rank == shape.rank, (0..<shape.rank).allSatisfy({ $0 == axis || indices.shape[$0] <= shape[$0] }) else {
            throw InputError("indices \(indices.shape) do not go with shape \(shape) and axis \(axis)")
        }
    }

    /// Distinct axes, counted from the end if negative, as rising indices.
    static func axes(_ axes: [Int], rank: Int) throws -> [Int] {
        let indices = try axes.map { try axis($0, rank: rank) }
        guard Set(indices).count == indices.count else { throw InputError("an axis is given twice: \(axes)") }
        return indices.sorted()
    }

    static func reduced(_ shape: Shape, _ axes: [Int], keepsDimensions: Bool) -> Shape {
        Shape(
            shape.dimensions.enumerated().compactMap { axis, size in
                axes.contains(axis) ? (keepsDimensions ? 1 : nil) : size
            })
    }

    /// Checks what moves a window over an image: one kernel size, stride and dilation a spatial dimension, and two paddings.
    static func requireWindow(kernel: [Int], strides: [Int], padding: [Int], dilations: [Int]) throws {
        try requirePositive(kernel, "kernel sizes", count: kernel.count)
        try requirePositive(strides, "strides", count: kernel.count)
        try requirePositive(dilations, "dilations", count: kernel.count)
        guard padding.count == 2 * kernel.count else { throw InputError("padding must be \(2 * kernel.count) numbers, not \(padding)") }
        try requireBounded(kernel + strides + dilations + padding, "kernel sizes, strides, dilations and padding")
        // A kernel that reaches further fits no tensor, and products with it could overflow.
        for (size, dilation) in zip(kernel, dilations) where size.multipliedReportingOverflow(by: dilation).partialValue > 1 << 40 {
            throw InputError("the window is too large")
        }
    }

    /// The type of an elementwise function of tensors of one element type.
    static func broadcasting(_ operands: [TensorType]) throws -> TensorType {
        var result = operands[0]
        for other in operands.dropFirst() { result = try elementwise([result, other])[0] }
        return result
    }
}
