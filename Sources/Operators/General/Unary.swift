import Files
import GraphIR
import Tensors

/// `y = f(x)`, element by element; `function` names f.
///
/// - Numbers of every type: `abs`, `negate`, `sign`, `relu` (max(x, 0)).
/// - Floats: `exp log sqrt reciprocal floor ceil round` (halves to even) `erf sin cos tan asin acos atan sinh cosh asinh acosh
///   atanh tanh`; `sigmoid` 1 / (1 + exp(-x)); `leaky_relu` x < 0 ? alpha x : x; `elu` x < 0 ? alpha (exp x - 1) : x; `selu`
///   beta (x > 0 ? x : alpha (exp x - 1)); `celu` max(0, x) + min(0, alpha (exp(x / alpha) - 1)); `thresholded_relu`
///   x > alpha ? x : 0; `hard_sigmoid` alpha x + beta clamped to 0 ... 1; `hard_swish` x clamp(x / 6 + 1/2); `softplus`
///   log(1 + exp x); `softsign` x / (1 + |x|); `mish` x tanh(softplus x); `gelu_tanh` the approximation of GELU by tanh.
/// - Floats to bool: `is_nan`; `is_inf`, for minus infinity unless alpha is 0, for plus infinity unless beta is 0.
/// - `not` of bool, `bitwise_not` of integers.
///
/// alpha and beta have ONNX's defaults where they are missing.
public struct Unary: Op {
    public static let name = "unary"
    public static let family = OpFamily.elementwise

    public enum Function: String, Codable, Sendable, CaseIterable {
        case abs, negate, exp, log, sqrt, reciprocal, sign, floor, ceil, round, erf, sigmoid, tanh, relu
        case leakyReLU = "leaky_relu", elu, selu, celu, thresholdedReLU = "thresholded_relu"
        case hardSigmoid = "hard_sigmoid", hardSwish = "hard_swish", softplus, softsign, mish, geluTanh = "gelu_tanh"
        case sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh
        case not, bitwiseNot = "bitwise_not", isNaN = "is_nan", isInf = "is_inf"
    }

    public var function: Function
    public var alpha: Float?
    public var beta: Float?

    public init(_ function: Function, alpha: Float? = nil, beta: Float? = nil) {
        self.function = function
        self.alpha = alpha
        self.beta = beta
    }

    /// alpha and beta, with ONNX's defaults.
    public var constants: (alpha: Float, beta: Float) {
        switch function {
        case .leakyReLU: (alpha ?? 0.01, beta ?? 0)
        case .selu: (alpha ?? 1.673_263_2, beta ?? 1.050_701)
        case .hardSigmoid: (alpha ?? 0.2, beta ?? 0.5)
        default: (alpha ?? 1, beta ?? 1)
        }
    }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 1)
        let x = operands[0]
        let fits =
            switch function {
            case .abs, .negate, .sign, .relu: x.elementType != .bool
            case .not: x.elementType == .bool
            case .bitwiseNot: x.elementType.isInteger
            default: x.elementType.isFloatingPoint
            }
        guard fits else { throw InputError("\(function.rawValue) is not defined for \(x)") }
        let givesBool = function == .isNaN || function == .isInf
        return [TensorType(givesBool ? .bool : x.elementType, x.shape, layout: x.layout)]
    }
}

extension Unary: DifferentiableOp {
    /// For `abs negate exp log sqrt reciprocal sigmoid tanh relu sin cos`.
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        let (x, y, gradient) = (b.operands[0], b.results[0], try b.gradient())
        func times(_ factor: ValueID) throws -> ValueID { try b.apply(Multiply(), gradient, factor) }
        func scaled(_ factor: Float, _ value: ValueID) throws -> ValueID { try b.apply(Scale(factor: factor), value) }
        switch function {
        case .abs: return try times(b.apply(Unary(.sign), x))
        case .negate: return try scaled(-1, gradient)
        case .exp: return try times(y)
        case .log: return try b.apply(Binary(.divide), gradient, x)
        case .sqrt: return try b.apply(Binary(.divide), scaled(0.5, gradient), y)
        case .reciprocal: return try scaled(-1, times(b.apply(Multiply(), y, y)))
        case .sigmoid: return try times(b.apply(Binary(.subtract), y, b.apply(Multiply(), y, y)))
        case .tanh: return try b.apply(Binary(.subtract), gradient, times(b.apply(Multiply(), y, y)))
        case .relu: return try times(b.apply(Unary(.sign), y))
        case .sin: return try times(b.apply(Unary(.cos), x))
        case .cos: return try scaled(-1, times(b.apply(Unary(.sin), x)))
        default: throw InputError("there is no rule for \(function.rawValue)")
        }
    }
}
