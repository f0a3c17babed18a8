import Tensors

extension ElementType {
    /// The type that a number of ONNX's `TensorProto.DataType` stands for.
    init(onnx number: Int32) throws {
        switch number {
        case 1: self = .float32
        case 2: self = .uint8
        case 3: self = .int8
        case 4: self = .uint16
        case 5: self = .int16
        case 6: self = .int32
        case 7: self = .int64
        case 9: self = .bool
        case 10: self = .float16
        case 11: self = .float64
        case 12: self = .uint32
        case 13: self = .uint64
        case 16: self = .bfloat16
        default: throw InputError("the element type \(ElementType.onnxName(number)) is not supported")
        }
    }

    private static func onnxName(_ number: Int32) -> String {
        let names: [Int32: String] = [
            0: "'undefined'", 8: "string", 14: "complex64", 15: "complex128", 17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2",
            20: "float8e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4e2m1", 24: "float8e8m0", 25: "uint2", 26: "int2",
        ]
        return names[number] ?? "\(number)"
    }
}
