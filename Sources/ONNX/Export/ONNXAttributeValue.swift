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
        bytes = withExtendedLifetime(tensor.storage) { Array(tensor.bytes) }
    }

    /// The same bytes with other dimensions.
    func reshaped(_ shape: Shape) -> ONNXTensorValue {
        var result = self
        result.type.shape = shape
        return result
    }

    static func integers(_ values: [Int]) -> ONNXTensorValue {
        let tensor = Tensor(TensorType(.int64, [values.count]))
        withExtendedLifetime(tensor.storage) { tensor.bytes.copyBytes(from: values.map(Int64.init).withUnsafeBytes(Array.init)) }
        return ONNXTensorValue(tensor)
    }

    /// Numbers of a float type, rounded to it.
    static func floats(_ values: [Double], shape: Shape, _ elementType: ElementType) -> ONNXTensorValue {
        let tensor = Tensor(TensorType(elementType, shape))
        withExtendedLifetime(tensor.storage) {
            if elementType == .float64 {
                tensor.bytes.copyBytes(from: values.withUnsafeBytes(Array.init))
            } else {
                values.map(Float.init).withUnsafeBufferPointer {
                    ElementConversion.convertFromFloat32($0, to: elementType, into: tensor.bytes)
                }
            }
        }
        return ONNXTensorValue(tensor)
    }
}
