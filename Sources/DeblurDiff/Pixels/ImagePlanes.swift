import Tensors

/// How the channels of an image tensor lie: float32, row-major [C, H, W], or [1, C, H, W] as the networks have it.
struct ImagePlanes {
    let channels: Int
    let height: Int
    let width: Int

    /// - Precondition: the tensor has such a type.
    init(_ type: TensorType) {
        let dimensions = type.shape.dimensions
        precondition(
            type.elementType == .float32 && type.layout == .rowMajor
                && (dimensions.count == 3 || dimensions.count == 4 && dimensions[0] == 1),
            "not one image's planes: \(type)")
        (channels, height, width) = (
            dimensions[dimensions.count - 3], dimensions[dimensions.count - 2], dimensions[dimensions.count - 1]
        )
    }

    var pixelCount: Int { height * width }

    /// The type of [1, C, H, W].
    static func type(channels: Int, height: Int, width: Int) -> TensorType {
        TensorType(.float32, [1, channels, height, width])
    }
}
