import CKernels
import Tensors

/// A type that arithmetic is done in. Elements of other types are converted to it in tiles and back.
///
/// f32, f16 and bf16 are computed in Float, f64 in Double, integers in Int64, but u64 in UInt64.
protocol ComputeElement: BitwiseCopyable, Comparable, Sendable {
    /// The element type with the same bytes.
    static var elementType: ElementType { get }
    static var zero: Self { get }

    init(from value: Int64)
    init(from value: UInt64)
    init(from value: Float)
    init(from value: Double)

    var float: Float { get }
    var double: Double { get }
    /// As an integer: floats are cut off and saturate, NaN gives 0; integers wrap around.
    func integer<I: FixedWidthInteger>(_: I.Type) -> I

    /// Integers wrap around.
    func sum(_ other: Self) -> Self
    func product(_ other: Self) -> Self
    /// Integers towards zero, 0 where the divisor is 0.
    func quotient(_ divisor: Int) -> Self
}

extension FloatingPoint where Self: ComputeElement {
    @inline(__always) func sum(_ other: Self) -> Self { self + other }
    @inline(__always) func product(_ other: Self) -> Self { self * other }
    @inline(__always) func quotient(_ divisor: Int) -> Self { self / Self(divisor) }
}

extension FixedWidthInteger where Self: ComputeElement {
    @inline(__always) func sum(_ other: Self) -> Self { self &+ other }
    @inline(__always) func product(_ other: Self) -> Self { self &* other }
    @inline(__always) func quotient(_ divisor: Int) -> Self { divisor == 0 ? 0 : self / Self(divisor) }
}

extension Float: ComputeElement {
    static var elementType: ElementType { .float32 }
    @inline(__always) init(from value: Int64) { self.init(value) }
    @inline(__always) init(from value: UInt64) { self.init(value) }
    @inline(__always) init(from value: Float) { self = value }
    @inline(__always) init(from value: Double) { self.init(value) }
    @inline(__always) var float: Float { self }
    @inline(__always) var double: Double { Double(self) }
    @inline(__always) func integer<I: FixedWidthInteger>(_: I.Type) -> I { saturated(Double(self)) }
}

extension Double: ComputeElement {
    static var elementType: ElementType { .float64 }
    @inline(__always) init(from value: Int64) { self.init(value) }
    @inline(__always) init(from value: UInt64) { self.init(value) }
    @inline(__always) init(from value: Float) { self.init(value) }
    @inline(__always) init(from value: Double) { self = value }
    @inline(__always) var float: Float { Float(self) }
    @inline(__always) var double: Double { self }
    @inline(__always) func integer<I: FixedWidthInteger>(_: I.Type) -> I { saturated(self) }
}

extension Int64: ComputeElement {
    static var elementType: ElementType { .int64 }
    @inline(__always) init(from value: Int64) { self = value }
    @inline(__always) init(from value: UInt64) { self.init(truncatingIfNeeded: value) }
    @inline(__always) init(from value: Float) { self = saturated(Double(value)) }
    @inline(__always) init(from value: Double) { self = saturated(value) }
    @inline(__always) var float: Float { Float(self) }
    @inline(__always) var double: Double { Double(self) }
    @inline(__always) func integer<I: FixedWidthInteger>(_: I.Type) -> I { I(truncatingIfNeeded: self) }
}

extension UInt64: ComputeElement {
    static var elementType: ElementType { .uint64 }
    @inline(__always) init(from value: Int64) { self.init(truncatingIfNeeded: value) }
    @inline(__always) init(from value: UInt64) { self = value }
    @inline(__always) init(from value: Float) { self = saturated(Double(value)) }
    @inline(__always) init(from value: Double) { self = saturated(value) }
    @inline(__always) var float: Float { Float(self) }
    @inline(__always) var double: Double { Double(self) }
    @inline(__always) func integer<I: FixedWidthInteger>(_: I.Type) -> I { I(truncatingIfNeeded: self) }
}

@inline(__always)
private func saturated<I: FixedWidthInteger>(_ value: Double) -> I {
    guard value == value else { return 0 }
    if I.self == UInt64.self {
        return value <= 0 ? 0 : value >= 0x1p64 ? I.max : I(truncatingIfNeeded: UInt64(value))
    }
    let wide = value <= -0x1p63 ? Int64.min : value >= 0x1p63 ? Int64.max : Int64(value)
    return I(clamping: wide)
}

extension ElementType {
    /// What arithmetic on elements of this type is done in.
    var computeType: ElementType {
        switch self {
        case .float32, .float16, .bfloat16: .float32
        case .float64: .float64
        case .uint64: .uint64
        case .int64, .int32, .int16, .int8, .uint8, .uint16, .uint32, .bool: .int64
        }
    }

    /// The same with floats in float64, for sums.
    var accumulatorType: ElementType { isFloatingPoint ? .float64 : computeType }
}

/// Calls a function that is written for every compute type with one of them.
protocol ComputeTypeFunction {
    associatedtype Result
    func callAsFunction<C: ComputeElement>(_: C.Type) -> Result
}

extension ElementType {
    func withComputeType<F: ComputeTypeFunction>(_ function: F) -> F.Result {
        switch self {
        case .float32: function(Float.self)
        case .float64: function(Double.self)
        case .int64: function(Int64.self)
        case .uint64: function(UInt64.self)
        default: preconditionFailure("\(rawValue) is no compute type")
        }
    }
}
