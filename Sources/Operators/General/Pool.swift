import Files
import GraphIR
import Tensors

/// The average, the maximum or the p-norm of each window of an image [N, C, ...].
///
/// `padding` is what comes in front of each spatial dimension and then what comes behind each; it is part of no maximum,
/// and of an average only with `counts_padding`. With `ceil_mode` a last window may reach beyond the padded image, if it begins
/// in the image or the padding in front of it.
///
/// With `indices` there is a second result (i64): where each maximum was, as a number into the flattened input, with the
/// first spatial dimension densest where `storage_order` is 1.
public struct Pool: Op {
    public static let name = "pool"
    public static let family = OpFamily.elementwise

    public enum Kind: String, Codable, Sendable, CaseIterable { case average, max, lp }

    public var kind: Kind
    public var kernelSize: [Int]
    public var strides: [Int]
    public var padding: [Int]
    public var dilations: [Int]
    public var ceilMode: Bool
    /// Averages: whether padding counts as zeros.
    public var countsPadding: Bool?
    /// The p of the p-norm.
    public var p: Int?
    public var indices: Bool?
    public var storageOrder: Int?

    public init(_ kind: Kind, kernelSize: [Int], strides: [Int], padding: [Int], dilations: [Int], ceilMode: Bool = false) {
        self.kind = kind
        self.kernelSize = kernelSize
        self.strides = strides
        self.padding = padding
        self.dilations = dilations
        self.ceilMode = ceilMode
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        try Inference.requireRowMajor(operands)
        try Inference.requireFloat32(operands)
        let x = operands[0].shape
        let rank = x.rank - 2
        guard rank >= 1 else { throw InputError("an image has at least three dimensions: \(operands[0])") }
        guard kernelSize.count == rank else { throw InputError("kernel_size must be \(rank) numbers, not \(kernelSize)") }
        try Inference.requireWindow(kernel: kernelSize, strides: strides, padding: padding, dilations: dilations)
        guard padding.allSatisfy({ $0 >= 0 }) else { throw InputError("padding must not be negative: \(padding)") }
        guard let count = Shape(kernelSize).checkedElementCount, count <= Graph.elementCountLimit else { throw InputError("the window is too large") }
        guard (p ?? 2) > 0, [0, 1].contains(storageOrder ?? 0), indices != true || kind == .max else { throw InputError("unusable attributes") }
        let sizes = try (0..<rank).map { axis in
            let reach = dilations[axis] * (kernelSize[axis] - 1) + 1
            let (before, after) = (padding[axis], padding[rank + axis])
            let room = x[2 + axis] + before + after - reach
            guard room >= 0 || (ceilMode && room > -strides[axis] && x[2 + axis] > 0) else {
                throw InputError("\(operands[0]) is smaller than the window")
            }
            guard ceilMode else { return room / strides[axis] + 1 }
            let size = (room + strides[axis] - 1) / strides[axis] + 1
            return (size - 1) * strides[axis] >= x[2 + axis] + before ? size - 1 : size
        }
        let shape = Shape([x[0], x[1]] + sizes)
        return [TensorType(.float32, shape)] + (indices == true ? [TensorType(.int64, shape)] : [])
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int {
        .saturatingProduct(results[0].elementCount, Shape(kernelSize).checkedElementCount ?? .max)
    }
}
