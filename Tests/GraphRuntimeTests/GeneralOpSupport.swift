import GraphIR
import GraphRuntime
import Operators
import Tensors

/// A tensor of any type from numbers that the type can hold.
func tensor(_ type: ElementType, _ values: [Double], _ shape: Shape) -> Tensor { Constant(type, shape, values).tensor() }

func tensor(_ type: ElementType, _ values: [Double]) -> Tensor { tensor(type, values, [values.count]) }

/// The one result of an op.
func evaluate(_ op: any Op, _ operands: Tensor...) throws -> Tensor { try OpEvaluator.evaluate(op, operands)[0] }

extension Tensor {
    /// The elements as the nearest Double.
    var numbers: [Double] {
        func map<T: BitwiseCopyable>(_ convert: (T) -> Double) -> [Double] { withElements { $0.map(convert) } }
        return switch type.elementType {
        case .float32: map { (x: Float) in Double(x) }
        case .float64: map { (x: Double) in x }
        case .float16: map { (x: UInt16) in Double(HalfPrecision.float(float16Bits: x)) }
        case .bfloat16: map { (x: UInt16) in Double(HalfPrecision.float(bfloat16Bits: x)) }
        case .int64: map { (x: Int64) in Double(x) }
        case .int32: map { (x: Int32) in Double(x) }
        case .int16: map { (x: Int16) in Double(x) }
        case .int8: map { (x: Int8) in Double(x) }
        case .uint64: map { (x: UInt64) in Double(x) }
        case .uint32: map { (x: UInt32) in Double(x) }
        case .uint16: map { (x: UInt16) in Double(x) }
        case .uint8, .bool: map { (x: UInt8) in Double(x) }
        }
    }
}

extension ElementType {
    static let numeric = allCases.filter { $0 != .bool }
    static let integers = allCases.filter(\.isInteger)
    static let floats = allCases.filter(\.isFloatingPoint)

    var isSigned: Bool { isFloatingPoint || [.int64, .int32, .int16, .int8].contains(self) }
    var bits: Int { 8 * byteSize }
    /// The greatest integer, as Double.
    var greatest: Double { isSigned ? Double(sign: .plus, exponent: bits - 1, significand: 1) - 1 : Double(sign: .plus, exponent: bits, significand: 1) - 1 }
}
