import Files
import GraphIR
import Tensors

/// A tensor whose elements stand in the graph: `values` in row-major order, or one value for all of them.
///
/// Integers are exact. At most 1024 values; what is larger is a parameter.
public struct Constant: Op {
    public static let name = "constant"
    public static let family = OpFamily.other
    public static let valueCountLimit = 1024
    /// One value stands for at most so many elements; more are for ``Expand`` to make.
    public static let elementCountLimit = 1 << 20

    public var elementType: ElementType
    public var shape: [Int]
    public var values: [Double]

    public init(_ elementType: ElementType, _ shape: Shape, _ values: [Double]) {
        self.elementType = elementType
        self.shape = shape.dimensions
        self.values = values
    }

    /// By bits: -0 is another constant than 0, and NaN is equal to itself.
    public static func == (a: Constant, b: Constant) -> Bool {
        a.elementType == b.elementType && a.shape == b.shape && a.values.map(\.bitPattern) == b.values.map(\.bitPattern)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(elementType)
        hasher.combine(shape)
        hasher.combine(values.map(\.bitPattern))
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 0)
        let type = TensorType(elementType, Shape(shape))
        guard let count = type.shape.checkedElementCount, count <= Constant.elementCountLimit else {
            throw InputError("\(type) is too large for a constant")
        }
        guard values.count <= Constant.valueCountLimit, values.count == count || values.count == 1 else {
            throw InputError("\(values.count) values do not make \(type)")
        }
        guard values.allSatisfy(elementType.represents) else { throw InputError("not all values are of type \(elementType.rawValue)") }
        return [type]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int { 0 }

    /// The numbers in memory.
    public func tensor() -> Tensor {
        func fill<T: BitwiseCopyable>(_ convert: (Double) -> T) -> Tensor {
            Tensor(TensorType(elementType, Shape(shape))) { (elements: UnsafeMutableBufferPointer<T>) in
                if values.count == 1 {
                    elements.update(repeating: convert(values[0]))
                } else {
                    for (index, value) in values.enumerated() { elements[index] = convert(value) }
                }
            }
        }
        return switch elementType {
        case .float32: fill { Float($0) }
        case .float64: fill { $0 }
        case .float16: fill { HalfPrecision.float16Bits(Float($0)) }
        case .bfloat16: fill { HalfPrecision.bfloat16Bits(Float($0)) }
        case .int64: fill { Int64($0) }
        case .int32: fill { Int32($0) }
        case .int16: fill { Int16($0) }
        case .int8: fill { Int8($0) }
        case .uint64: fill { UInt64($0) }
        case .uint32: fill { UInt32($0) }
        case .uint16: fill { UInt16($0) }
        case .uint8, .bool: fill { UInt8($0) }
        }
    }
}

extension ElementType {
    /// Whether a number is one of this type; for floats any is, after rounding.
    fileprivate func represents(_ value: Double) -> Bool {
        switch self {
        case .float32, .float16, .bfloat16, .float64: true
        case .int64: Int64(exactly: value) != nil
        case .int32: Int32(exactly: value) != nil
        case .int16: Int16(exactly: value) != nil
        case .int8: Int8(exactly: value) != nil
        case .uint64: UInt64(exactly: value) != nil
        case .uint32: UInt32(exactly: value) != nil
        case .uint16: UInt16(exactly: value) != nil
        case .uint8: UInt8(exactly: value) != nil
        case .bool: value == 0 || value == 1
        }
    }
}
