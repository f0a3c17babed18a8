import Tensors

/// The value of an attribute of an ONNX node.
enum ONNXAttributeValue: Hashable {
    case integer(Int)
    case float(Float)
    case string(String)
    case integers([Int])
    case floats([Float])
    case strings([String])
    case tensor(ONNXTensorValue)
}

/// A small tensor that stands in a node.
struct ONNXTensorValue: Hashable {
    var type: TensorType
    /// Row-major and little-endian.
    var bytes: [UInt8]

    init(_ tensor: Tensor) {
        type = tensor.type
        bytes = tensor.withBytes(Array.init)
    }

    /// The same bytes with other dimensions.
    func reshaped(_ shape: Shape) -> ONNXTensorValue {
        var result = self
        result.type.shape = shape
        return result
    }

    static func integers(_ values: [Int]) -> ONNXTensorValue {
        ONNXTensorValue(Tensor(TensorType(.int64, [values.count]), values.map(Int64.init)))
    }

    /// Numbers of a float type, rounded to it.
    static func floats(_ values: [Double], shape: Shape, _ elementType: ElementType) -> ONNXTensorValue {
        let type = TensorType(elementType, shape)
        if elementType == .float64 { return ONNXTensorValue(Tensor(type, values)) }
        var tensor = Tensor(type)
        values.map(Float.init).withUnsafeBufferPointer { floats in
            tensor.withMutableBytes { ElementConversion.convertFromFloat32(floats, to: elementType, into: $0) }
        }
        return ONNXTensorValue(tensor)
    }
}
