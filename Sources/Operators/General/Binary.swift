import Files
import GraphIR
import Tensors

/// `y = f(a, b)`, element by element; sizes of one are broadcast. `function` names f.
///
/// - Numbers: `subtract`; `divide`, of integers towards zero and 0 where b is 0; `power`, where b may be of another type;
///   `minimum` and `maximum`, NaN where either is; `modulo`, with the sign of b; `remainder`, with the sign of a; `prelu`
///   a < 0 ? b a : a.
/// - To bool: `equal less less_or_equal greater greater_or_equal`.
/// - Of bool: `and or xor`. Of integers: `bitwise_and bitwise_or bitwise_xor shift_left shift_right`.
///
/// Integers wrap around at the ends of their type; shifts by negative numbers push all bits out.
public struct Binary: Op {
    public static let name = "binary"
    public static let family = OpFamily.elementwise

    public enum Function: String, Codable, Sendable, CaseIterable {
        case subtract, divide, power, minimum, maximum, modulo, remainder, prelu
        case and, or, xor
        case equal, less, lessOrEqual = "less_or_equal", greater, greaterOrEqual = "greater_or_equal"
        case bitwiseAnd = "bitwise_and", bitwiseOr = "bitwise_or", bitwiseXor = "bitwise_xor"
        case shiftLeft = "shift_left", shiftRight = "shift_right"

        public var isComparison: Bool {
            switch self {
            case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual: true
            default: false
            }
        }
    }

    public var function: Function

    public init(_ function: Function) { self.function = function }

    public var isCommutative: Bool { [.equal, .and, .or, .xor, .bitwiseAnd, .bitwiseOr, .bitwiseXor].contains(function) }

    public func inferTypes(_ operands: [TensorType]) throws -> [TensorType] {
        try Inference.requireCount(operands, 2)
        let (a, b) = (operands[0], operands[1])
        let fits =
            switch function {
            case .and, .or, .xor: a.elementType == .bool
            case .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight: a.elementType.isInteger
            case .equal: true
            default: a.elementType != .bool && b.elementType != .bool
            }
        guard fits else { throw InputError("\(function.rawValue) is not defined for \(a) and \(b)") }
        var exponent = b
        if function == .power { exponent.elementType = a.elementType }
        var result = try Inference.broadcasting([a, exponent])
        if function.isComparison { result.elementType = .bool }
        return [result]
    }
}

extension Binary: DifferentiableOp {
    /// For `subtract` and `divide`.
    public func gradient(ofOperand index: Int, _ b: inout Differentiation) throws -> ValueID {
        let gradient = try b.gradient()
        let part =
            switch (function, index) {
            case (.subtract, 0): gradient
            case (.subtract, _): try b.apply(Scale(factor: -1), gradient)
            case (.divide, 0): try b.apply(self, gradient, b.operands[1])
            case (.divide, _): try b.apply(Scale(factor: -1), b.apply(self, b.apply(Multiply(), gradient, b.results[0]), b.operands[1]))
            default: throw InputError("there is no rule for \(function.rawValue)")
            }
        return try b.summed(part, toOperand: index)
    }
}
