import Tensors

/// From 8-bit samples to the networks' padded planes, and back to the picture's own size.
public enum Padding {
    /// The latent is an eighth in size, and the networks halve it three times.
    public static let multiple = 64

    /// The smallest multiple of ``multiple`` that is not less.
    public static func paddedLength(_ length: Int, multiple: Int = Padding.multiple) -> Int {
        (length + multiple - 1) / multiple * multiple
    }

    /// Interleaved RGB samples to float32 [1, 3, H, W] in [0, 1], each `sample / 255`, with zeros at the right and below so that
    /// height and width are multiples of `multiple` (1: no padding).
    ///
    /// - Precondition: there are height x width x 3 samples.
    public static func planes(rgb: [UInt8], height: Int, width: Int, multiple: Int = Padding.multiple) -> Tensor {
        precondition(rgb.count == height * width * 3 && height > 0 && width > 0, "samples do not fit the size")
        let (paddedHeight, paddedWidth) = (paddedLength(height, multiple: multiple), paddedLength(width, multiple: multiple))
        let values = (0...255).map { Float($0) / 255 }
        return Tensor(ImagePlanes.type(channels: 3, height: paddedHeight, width: paddedWidth)) { floats in
            rgb.withUnsafeBufferPointer { rgb in
                values.withUnsafeBufferPointer { values in
                    for channel in 0..<3 {
                        for y in 0..<height {
                            let row = (channel * paddedHeight + y) * paddedWidth
                            let source = y * width * 3 + channel
                            for x in 0..<width { floats[row + x] = values[Int(rgb[source + 3 * x])] }
                        }
                    }
                }
            }
        }
    }

    /// [1, C, H, W] with zeros at the right and below, so that height and width are multiples of `multiple`.
    public static func padded(_ image: Tensor, multiple: Int) -> Tensor {
        let planes = ImagePlanes(image.type)
        let (height, width) = (paddedLength(planes.height, multiple: multiple), paddedLength(planes.width, multiple: multiple))
        return resized(image, planes, height: height, width: width)
    }

    /// [1, C, H, W] with zeros at the right and below.
    ///
    /// - Precondition: the image is no larger.
    static func padded(_ image: Tensor, height: Int, width: Int) -> Tensor {
        let planes = ImagePlanes(image.type)
        precondition(planes.height <= height && planes.width <= width, "less than the image")
        return resized(image, planes, height: height, width: width)
    }

    /// The top left part of [1, C, H, W].
    ///
    /// - Precondition: that part lies within the image.
    public static func crop(_ image: Tensor, height: Int, width: Int) -> Tensor {
        let planes = ImagePlanes(image.type)
        precondition((0...planes.height).contains(height) && (0...planes.width).contains(width), "more than the image")
        return resized(image, planes, height: height, width: width)
    }

    private static func resized(_ image: Tensor, _ planes: ImagePlanes, height: Int, width: Int) -> Tensor {
        guard (planes.height, planes.width) != (height, width) else { return image }
        return image.withFloats { source in
            Tensor(ImagePlanes.type(channels: planes.channels, height: height, width: width)) { target in
                for channel in 0..<planes.channels {
                    for y in 0..<min(height, planes.height) {
                        let (from, to) = ((channel * planes.height + y) * planes.width, (channel * height + y) * width)
                        for x in 0..<min(width, planes.width) { target[to + x] = source[from + x] }
                    }
                }
            }
        }
    }
}
