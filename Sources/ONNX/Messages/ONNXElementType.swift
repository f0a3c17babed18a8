import Files
import Tensors

extension ElementType {
    /// The numbers of ONNX's `TensorProto.DataType`.
    private static let onnxNumbers: [ElementType: Int32] = [
        .float32: 1, .uint8: 2, .int8: 3, .uint16: 4, .int16: 5, .int32: 6, .int64: 7, .bool: 9, .float16: 10, .float64: 11, .uint32: 12,
        .uint64: 13, .bfloat16: 16,
    ]

    /// The type that a number of ONNX stands for.
    init(onnx number: Int32) throws {
        guard let type = ElementType.onnxNumbers.first(where: { $0.value == number })?.key else {
            throw InputError("the element type \(ElementType.onnxName(number)) is not supported")
        }
        self = type
    }

    /// The number that stands for this type.
    var onnxDataType: Int32 { ElementType.onnxNumbers[self]! }

    private static func onnxName(_ number: Int32) -> String {
        let names: [Int32: String] = [
            0: "'undefined'", 8: "string", 14: "complex64", 15: "complex128", 17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2",
            20: "float8e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4e2m1", 24: "float8e8m0", 25: "uint2", 26: "int2",
        ]
        return names[number] ?? "\(number)"
    }
}
