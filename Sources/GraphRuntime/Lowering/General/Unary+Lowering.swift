import CKernels
import Foundation
import GraphIR
import Operators
import Tensors

extension Unary: LowerableOp {
    public var takesEveryElementType: Bool { true }

    public func lower(_ context: LoweringContext) throws -> Kernel {
        let type = context.operands[0].elementType
        let compute = function == .not ? .bool : type.computeType
        let result = function == .isNaN || function == .isInf || function == .not ? ElementType.bool : compute
        let (call, worksInPlace): (RunFunction, Bool) =
            switch compute {
            case .float32: (floatFunction, !readsOperandAgain)
            case .float64: (doubleFunction, true)
            case .int64: (integerFunction(Int64.self), true)
            case .uint64: (integerFunction(UInt64.self), true)
            default: (TileKernel.map { (x: UInt8) in x == 0 ? UInt8(1) : 0 }, true)
            }
        return TileKernel.make(
            "unary \(function.rawValue)", context, computeTypes: [compute], resultType: result, worksInPlace: worksInPlace, call)
    }

    private func integerFunction<I: FixedWidthInteger & Sendable>(_: I.Type) -> RunFunction {
        switch function {
        case .abs: TileKernel.map { (x: I) in x < 0 ? 0 &- x : x }
        case .negate: TileKernel.map { (x: I) in 0 &- x }
        case .sign: TileKernel.map { (x: I) in x.signum() }
        case .relu: TileKernel.map { (x: I) in x < 0 ? 0 : x }
        case .bitwiseNot: TileKernel.map { (x: I) in ~x }
        default: preconditionFailure("inference lets no \(function.rawValue) of integers through")
        }
    }

    private static func native(_ op: dd_unary_op, _ p0: Float = 0, _ p1: Float = 0) -> RunFunction {
        { x, _, _, y, count in
            dd_unary_f32(nil, op, y.assumingMemoryBound(to: Float.self), x.assumingMemoryBound(to: Float.self), Int64(count), p0, p1)
        }
    }

    /// Whether the float function reads the operand again after writing the result.
    private var readsOperandAgain: Bool { [.mish, .geluTanh, .celu].contains(function) }

    private var floatFunction: RunFunction {
        let (alpha, beta) = constants
        return switch function {
        case .abs: Unary.native(DD_UNARY_ABS)
        case .negate: Unary.native(DD_UNARY_NEG)
        case .exp: Unary.native(DD_UNARY_EXP)
        case .log: Unary.native(DD_UNARY_LOG)
        case .sqrt: Unary.native(DD_UNARY_SQRT)
        case .reciprocal: Unary.native(DD_UNARY_RECIPROCAL)
        case .sign: Unary.native(DD_UNARY_SIGN)
        case .floor: Unary.native(DD_UNARY_FLOOR)
        case .ceil: Unary.native(DD_UNARY_CEIL)
        case .round: Unary.native(DD_UNARY_ROUND)
        case .erf: Unary.native(DD_UNARY_ERF)
        case .sigmoid: Unary.native(DD_UNARY_SIGMOID)
        case .tanh: Unary.native(DD_UNARY_TANH)
        case .relu: Unary.native(DD_UNARY_RELU)
        case .leakyReLU: Unary.native(DD_UNARY_LEAKY_RELU, alpha)
        case .elu: Unary.native(DD_UNARY_ELU, alpha)
        case .hardSigmoid: Unary.native(DD_UNARY_HARD_SIGMOID, alpha, beta)
        case .hardSwish: Unary.native(DD_UNARY_HARD_SWISH)
        case .softplus: Unary.native(DD_UNARY_SOFTPLUS)
        case .sin: Unary.native(DD_UNARY_SIN)
        case .cos: Unary.native(DD_UNARY_COS)
        case .selu: Unary.steps([Unary.native(DD_UNARY_ELU, alpha)]) { _, y in beta * y }
        case .celu: Unary.steps([Unary.native(DD_UNARY_LINEAR, 1 / alpha), Unary.native(DD_UNARY_ELU, alpha)]) { x, y in x > 0 ? x : y }
        case .mish: Unary.steps([Unary.native(DD_UNARY_SOFTPLUS), Unary.native(DD_UNARY_TANH)]) { x, y in x * y }
        case .geluTanh:
            // (1 + tanh u) / 2 is sigmoid(2 u).
            Unary.steps([
                TileKernel.map { (x: Float) in 1.595_769_1 * (x + 0.044_715 * x * x * x) }, Unary.native(DD_UNARY_SIGMOID),
            ]) { x, y in x * y }
        case .thresholdedReLU: TileKernel.map { (x: Float) in x > alpha ? x : 0 }
        case .softsign: TileKernel.map { (x: Float) in x / (1 + Swift.abs(x)) }
        case .isNaN: TileKernel.map { (x: Float) in x != x ? UInt8(1) : 0 }
        case .isInf: infinities(Float.self)
        case .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .not, .bitwiseNot: roundedDoubleFunction
        }
    }

    /// Some functions one after the other, then one of the operand and what they gave.
    @inline(__always)
    private static func steps(_ functions: [RunFunction], last: @escaping @Sendable (Float, Float) -> Float) -> RunFunction {
        { a, b, c, y, count in
            functions[0](a, b, c, y, count)
            for function in functions.dropFirst() { function(UnsafeRawPointer(y), b, c, y, count) }
            let (x, result) = (a.assumingMemoryBound(to: Float.self), y.assumingMemoryBound(to: Float.self))
            for index in 0..<count { result[index] = last(x[index], result[index]) }
        }
    }

    @inline(__always)
    private func infinities<F: BinaryFloatingPoint & Sendable>(_: F.Type) -> RunFunction {
        let (negative, positive) = (constants.alpha != 0, constants.beta != 0)
        return TileKernel.map { (x: F) in (x == -F.infinity && negative) || (x == F.infinity && positive) ? UInt8(1) : 0 }
    }

    private var roundedDoubleFunction: RunFunction {
        let function = scalarFunction
        return TileKernel.map { (x: Float) in Float(function(Double(x))) }
    }

    private var doubleFunction: RunFunction {
        switch function {
        case .isNaN: return TileKernel.map { (x: Double) in x != x ? UInt8(1) : 0 }
        case .isInf: return infinities(Double.self)
        default:
            let function = scalarFunction
            return TileKernel.map { (x: Double) in function(x) }
        }
    }

    private var scalarFunction: @Sendable (Double) -> Double {
        let (alpha, beta) = (Double(constants.alpha), Double(constants.beta))
        @Sendable func clampedToOne(_ x: Double) -> Double { x < 0 ? 0 : x > 1 ? 1 : x }
        return switch function {
        case .abs: { Swift.abs($0) }
        case .negate: { -$0 }
        case .exp: { Foundation.exp($0) }
        case .log: { Foundation.log($0) }
        case .sqrt: { $0.squareRoot() }
        case .reciprocal: { 1 / $0 }
        case .sign: { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 }
        case .floor: { $0.rounded(.down) }
        case .ceil: { $0.rounded(.up) }
        case .round: { $0.rounded(.toNearestOrEven) }
        case .erf: { Foundation.erf($0) }
        case .sigmoid: { 1 / (1 + Foundation.exp(-$0)) }
        case .tanh: { Foundation.tanh($0) }
        case .relu: { $0 < 0 ? 0 : $0 }
        case .leakyReLU: { $0 < 0 ? alpha * $0 : $0 }
        case .elu: { $0 < 0 ? alpha * Foundation.expm1($0) : $0 }
        case .selu: { beta * ($0 > 0 ? $0 : alpha * Foundation.expm1($0)) }
        case .celu: { $0 > 0 ? $0 : alpha * Foundation.expm1($0 / alpha) }
        case .thresholdedReLU: { $0 > alpha ? $0 : 0 }
        case .hardSigmoid: { clampedToOne(alpha * $0 + beta) }
        case .hardSwish: { $0 * clampedToOne($0 / 6 + 0.5) }
        case .softplus: { $0 > 0 ? $0 + Foundation.log1p(Foundation.exp(-$0)) : Foundation.log1p(Foundation.exp($0)) }
        case .softsign: { $0 / (1 + Swift.abs($0)) }
        case .mish:
            { x in x * Foundation.tanh(x > 0 ? x + Foundation.log1p(Foundation.exp(-x)) : Foundation.log1p(Foundation.exp(x))) }
        case .geluTanh: { 0.5 * $0 * (1 + Foundation.tanh(0.797_884_560_802_865_4 * ($0 + 0.044_715 * $0 * $0 * $0))) }
        case .sin: { Foundation.sin($0) }
        case .cos: { Foundation.cos($0) }
        case .tan: { Foundation.tan($0) }
        case .asin: { Foundation.asin($0) }
        case .acos: { Foundation.acos($0) }
        case .atan: { Foundation.atan($0) }
        case .sinh: { Foundation.sinh($0) }
        case .cosh: { Foundation.cosh($0) }
        case .asinh: { Foundation.asinh($0) }
        case .acosh: { Foundation.acosh($0) }
        case .atanh: { Foundation.atanh($0) }
        case .not, .bitwiseNot, .isNaN, .isInf: preconditionFailure("inference lets no \(function.rawValue) of floats through")
        }
    }
}
