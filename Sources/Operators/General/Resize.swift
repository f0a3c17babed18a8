import Files
import GraphIR
import Tensors

/// Samples a tensor at other positions along each dimension, as ONNX's Resize does.
///
/// Element i along a dimension of the result is at position x of the operand: `half_pixel` (i + 1/2) / scale - 1/2;
/// `half_pixel_symmetric`, the same about the middle of the image; `pytorch_half_pixel`, the same but 0 where the result has one
/// element; `align_corners` i (size - 1) / (new size - 1); `asymmetric` i / scale; `tf_crop_and_resize`, from `roi`.
///
/// `nearest` takes an element of any type, `nearest_mode` says which; `linear` and `cubic` weigh 2 and 4 neighbours of f32, or
/// with `antialias` more of them where the result is smaller.
public struct Resize: Op {
    public static let name = "resize"
    public static let family = OpFamily.movement

    public enum Mode: String, Codable, Sendable, CaseIterable { case nearest, linear, cubic }

    public enum Coordinates: String, Codable, Sendable, CaseIterable {
        case halfPixel = "half_pixel", halfPixelSymmetric = "half_pixel_symmetric", pytorchHalfPixel = "pytorch_half_pixel"
        case alignCorners = "align_corners", asymmetric, tfCropAndResize = "tf_crop_and_resize"
    }

    public enum NearestMode: String, Codable, Sendable, CaseIterable {
        case roundPreferFloor = "round_prefer_floor", roundPreferCeil = "round_prefer_ceil", floor, ceil
    }

    public var mode: Mode
    /// The sizes of the result, one a dimension.
    public var sizes: [Int]
    /// How much larger the result is, one a dimension.
    public var scales: [Double]
    public var coordinates: Coordinates
    public var nearestMode: NearestMode?
    /// The cubic's coefficient a, -0.75 without.
    public var cubicCoefficient: Double?
    /// Whether neighbours outside the tensor have no weight; else the outermost element stands for them.
    public var excludesOutside: Bool?
    public var antialias: Bool?
    /// For `tf_crop_and_resize`: where the part that is sampled begins in each dimension, from 0 to 1, then where it ends.
    public var roi: [Double]?
    /// For `tf_crop_and_resize`: the value of elements whose position is outside.
    public var extrapolationValue: Float?

    public init(_ mode: Mode, sizes: [Int], scales: [Double], coordinates: Coordinates = .halfPixel) {
        self.mode = mode
        self.sizes = sizes
        self.scales = scales
        self.coordinates = coordinates
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        try Inference.requireRowMajor(operands)
        let x = operands[0]
        if mode != .nearest { try Inference.requireFloat32(operands) }
        guard sizes.count == x.shape.rank, scales.count == x.shape.rank, sizes.allSatisfy({ $0 >= 0 }) else {
            throw InputError("sizes and scales must be \(x.shape.rank) numbers each")
        }
        guard scales.allSatisfy({ $0.isFinite && $0 > 0x1p-40 && $0 < 0x1p40 }) else { throw InputError("unusable scales \(scales)") }
        for (axis, size) in sizes.enumerated() where size > 0 && x.shape[axis] == 0 {
            throw InputError("there is nothing along axis \(axis) of \(x)")
        }
        // Antialiasing reads as many neighbours as fall on one element of the result.
        if antialias == true, let axis = sizes.indices.first(where: { Double(sizes[$0]) > 2 * scales[$0] * Double(x.shape[$0]) + 2 }) {
            throw InputError("a scale of \(scales[axis]) does not make \(sizes[axis]) elements along axis \(axis) of \(x)")
        }
        if let cubicCoefficient, !cubicCoefficient.isFinite { throw InputError("unusable cubic_coefficient") }
        if coordinates == .tfCropAndResize {
            guard let roi, roi.count == 2 * sizes.count, roi.allSatisfy({ $0.isFinite && $0.magnitude < 0x1p40 }) else {
                throw InputError("roi must be \(2 * sizes.count) numbers")
            }
        }
        return [TensorType(x.elementType, Shape(sizes))]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int {
        switch mode {
        case .nearest: 0
        case .linear: .saturatingProduct(results[0].elementCount, 4)
        case .cubic: .saturatingProduct(results[0].elementCount, 8)
        }
    }
}
