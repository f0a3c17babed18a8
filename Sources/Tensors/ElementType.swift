/// The type of one element of a tensor. The raw value is its name in the text form of graphs.
public enum ElementType: String, Codable, CaseIterable, Sendable {
    case float32 = "f32"
    case float16 = "f16"
    case bfloat16 = "bf16"
    case float64 = "f64"
    case int64 = "i64"
    case int32 = "i32"
    case int16 = "i16"
    case int8 = "i8"
    case uint8 = "u8"
    case uint16 = "u16"
    case uint32 = "u32"
    case uint64 = "u64"
    case bool = "bool"

    /// Bytes of one element.
    public var byteSize: Int {
        switch self {
        case .float64, .int64, .uint64: 8
        case .float32, .int32, .uint32: 4
        case .float16, .bfloat16, .int16, .uint16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float16, .bfloat16, .float64: true
        default: false
        }
    }

    public var isInteger: Bool { !isFloatingPoint && self != .bool }

    /// The name in the header of a safetensors file.
    public var safetensorsName: String { rawValue.uppercased() }

    public init?(safetensorsName: String) {
        self.init(rawValue: safetensorsName.lowercased())
    }
}
