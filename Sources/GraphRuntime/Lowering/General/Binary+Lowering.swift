import CKernels
import Foundation
import GraphIR
import Operators
import Tensors

extension Binary: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let (a, b) = (context.operands[0].elementType, context.operands[1].elementType)
        // A power of integers with a broken exponent is one of floats, cut off.
        let compute = function == .power && !a.isFloatingPoint && b.isFloatingPoint ? .float64 : a == .bool ? .bool : a.computeType
        let call =
            switch compute {
            case .float32: floatFunction
            case .float64: floatingFunction(Double.self) { Foundation.pow($0, $1) }
            case .int64: integerFunction(Int64.self)
            case .uint64: integerFunction(UInt64.self)
            default: logicalFunction
            }
        return TileKernel.make(
            "binary \(function.rawValue)", context, computeTypes: [compute, compute],
            resultType: function.isComparison || compute == .bool ? .bool : compute, call)
    }

    private static func native(_ op: dd_binary_op) -> RunFunction {
        { a, b, _, y, count in
            var shape = dd_broadcast()
            shape.rank = 1
            (shape.size.0, shape.stride_a.0, shape.stride_b.0) = (Int64(count), 1, 1)
            dd_binary_f32(
                nil, op, y.assumingMemoryBound(to: Float.self), a.assumingMemoryBound(to: Float.self), b.assumingMemoryBound(to: Float.self),
                &shape)
        }
    }

    private var floatFunction: RunFunction {
        switch function {
        case .subtract: Binary.native(DD_BINARY_SUB)
        case .divide: Binary.native(DD_BINARY_DIV)
        case .minimum: Binary.native(DD_BINARY_MIN)
        case .maximum: Binary.native(DD_BINARY_MAX)
        case .power: Binary.native(DD_BINARY_POW)
        default: floatingFunction(Float.self) { Foundation.pow($0, $1) }
        }
    }

    @inline(__always)
    private func floatingFunction<F: BinaryFloatingPoint & Sendable>(_: F.Type, power: @escaping @Sendable (F, F) -> F) -> RunFunction {
        switch function {
        case .subtract: TileKernel.map { (a: F, b: F) in a - b }
        case .divide: TileKernel.map { (a: F, b: F) in a / b }
        case .power: TileKernel.map { (a: F, b: F) in power(a, b) }
        case .minimum: TileKernel.map { (a: F, b: F) in a < b || a != a ? a : b }
        case .maximum: TileKernel.map { (a: F, b: F) in a > b || a != a ? a : b }
        case .remainder: TileKernel.map { (a: F, b: F) in a.truncatingRemainder(dividingBy: b) }
        case .modulo:
            TileKernel.map { (a: F, b: F) in
                let rest = a.truncatingRemainder(dividingBy: b)
                if rest == 0 { return F(signOf: b, magnitudeOf: 0) }
                return (rest < 0) != (b < 0) ? rest + b : rest
            }
        case .prelu: TileKernel.map { (a: F, b: F) in a < 0 ? b * a : a }
        default: comparison(F.self)
        }
    }

    @inline(__always)
    private func comparison<C: Comparable & Sendable>(_: C.Type) -> RunFunction {
        switch function {
        case .equal: TileKernel.map { (a: C, b: C) in a == b ? UInt8(1) : 0 }
        case .less: TileKernel.map { (a: C, b: C) in a < b ? UInt8(1) : 0 }
        case .lessOrEqual: TileKernel.map { (a: C, b: C) in a <= b ? UInt8(1) : 0 }
        case .greater: TileKernel.map { (a: C, b: C) in a > b ? UInt8(1) : 0 }
        case .greaterOrEqual: TileKernel.map { (a: C, b: C) in a >= b ? UInt8(1) : 0 }
        default: preconditionFailure("inference lets no \(function.rawValue) through")
        }
    }

    @inline(__always)
    private func integerFunction<I: FixedWidthInteger & Sendable>(_: I.Type) -> RunFunction {
        switch function {
        case .subtract: TileKernel.map { (a: I, b: I) in a &- b }
        case .divide: TileKernel.map { (a: I, b: I) in b == 0 ? 0 : a.dividedReportingOverflow(by: b).partialValue }
        case .modulo:
            TileKernel.map { (a: I, b: I) in
                guard b != 0 else { return I(0) }
                let rest = a.remainderReportingOverflow(dividingBy: b).partialValue
                return rest != 0 && (rest < 0) != (b < 0) ? rest &+ b : rest
            }
        case .remainder: TileKernel.map { (a: I, b: I) in b == 0 ? 0 : a.remainderReportingOverflow(dividingBy: b).partialValue }
        case .minimum: TileKernel.map { (a: I, b: I) in a < b ? a : b }
        case .maximum: TileKernel.map { (a: I, b: I) in a > b ? a : b }
        case .prelu: TileKernel.map { (a: I, b: I) in a < 0 ? a &* b : a }
        case .power: TileKernel.map { (a: I, b: I) in Binary.power(a, b) }
        case .bitwiseAnd: TileKernel.map { (a: I, b: I) in a & b }
        case .bitwiseOr: TileKernel.map { (a: I, b: I) in a | b }
        case .bitwiseXor: TileKernel.map { (a: I, b: I) in a ^ b }
        case .shiftLeft: TileKernel.map { (a: I, b: I) in a << (b < 0 ? I(I.bitWidth) : b) }
        case .shiftRight: TileKernel.map { (a: I, b: I) in a >> (b < 0 ? I(I.bitWidth) : b) }
        default: comparison(I.self)
        }
    }

    /// By squaring; a negative exponent gives what is left of 1 / a to the -b, cut off.
    private static func power<I: FixedWidthInteger & Sendable>(_ a: I, _ b: I) -> I {
        if b < 0 { return a == 1 ? 1 : I.isSigned && a == 0 &- 1 ? (b & 1 == 0 ? 1 : a) : 0 }
        var (result, square, rest) = (I(1), a, b)
        while rest > 0 {
            if rest & 1 == 1 { result = result &* square }
            square = square &* square
            rest >>= 1
        }
        return result
    }

    /// Of bool; bytes from outside may be others than 0 and 1.
    private var logicalFunction: RunFunction {
        switch function {
        case .and: TileKernel.map { (a: UInt8, b: UInt8) in a != 0 && b != 0 ? UInt8(1) : 0 }
        case .or: TileKernel.map { (a: UInt8, b: UInt8) in a != 0 || b != 0 ? UInt8(1) : 0 }
        case .xor: TileKernel.map { (a: UInt8, b: UInt8) in (a != 0) != (b != 0) ? UInt8(1) : 0 }
        case .equal: TileKernel.map { (a: UInt8, b: UInt8) in (a != 0) == (b != 0) ? UInt8(1) : 0 }
        default: preconditionFailure("inference lets no \(function.rawValue) of bool through")
        }
    }
}

/// Sums and products of other types than f32, which has kernels of its own.
enum GeneralArithmetic {
    @inline(__always)
    private static func integer<I: FixedWidthInteger & Sendable>(_: I.Type, multiplies: Bool) -> RunFunction {
        multiplies ? TileKernel.map { (a: I, b: I) in a &* b } : TileKernel.map { (a: I, b: I) in a &+ b }
    }

    @inline(__always)
    private static func floating<F: BinaryFloatingPoint & Sendable>(_: F.Type, multiplies: Bool) -> RunFunction {
        multiplies ? TileKernel.map { (a: F, b: F) in a * b } : TileKernel.map { (a: F, b: F) in a + b }
    }

    static func kernel(_ name: String, _ context: LoweringContext, multiplies: Bool) -> Kernel {
        let compute = context.operands[0].elementType.computeType
        let call =
            switch compute {
            case .float32: floating(Float.self, multiplies: multiplies)
            case .float64: floating(Double.self, multiplies: multiplies)
            case .int64: integer(Int64.self, multiplies: multiplies)
            default: integer(UInt64.self, multiplies: multiplies)
            }
        return TileKernel.make(name, context, computeTypes: [compute, compute], resultType: compute, call)
    }
}
