/// Where the bytes of an image-like tensor lie. Dimensions keep their order (N, C, H, W) whatever the layout is.
public enum Layout: String, Codable, Sendable {
    /// The last dimension is densest: N, C, H, W in memory.
    case rowMajor = "row_major"
    /// The channel (dimension 1) is densest: N, H, W, C in memory. A row of pixels is then a list of tokens.
    case channelsLast = "channels_last"
}

/// What is known of a tensor before there are numbers in it: element type, shape, layout.
public struct TensorType: Hashable, Sendable, CustomStringConvertible {
    public var elementType: ElementType
    public var shape: Shape
    public var layout: Layout

    public init(_ elementType: ElementType, _ shape: Shape, layout: Layout = .rowMajor) {
        self.elementType = elementType
        self.shape = shape
        self.layout = layout
    }

    public var elementCount: Int { shape.elementCount }
    public var byteCount: Int { elementCount * elementType.byteSize }

    /// The dimensions as they lie in memory: the outermost first, the densest last.
    public var memoryOrder: [Int] {
        switch layout {
        case .rowMajor: Array(0..<shape.rank)
        case .channelsLast: [0, 2, 3, 1]
        }
    }

    /// The distances in memory, in elements, between neighbours along each dimension.
    public var memoryStrides: [Int] {
        var strides = [Int](repeating: 1, count: shape.rank)
        var step = 1
        for axis in memoryOrder.reversed() {
            strides[axis] = step
            step *= shape[axis]
        }
        return strides
    }

    /// `f32[1, 4, 64, 64]`, with `@channels_last` behind it for that layout.
    public var description: String {
        "\(elementType.rawValue)\(shape)" + (layout == .rowMajor ? "" : "@\(layout.rawValue)")
    }
}
