import Operators
import Tensors

extension ImportRule {
    /// Operators that are a function of each element, with no attributes.
    static let functions: [ImportRule] = [
        unary("Abs", .abs), unary("Neg", .negate), unary("Exp", .exp), unary("Log", .log), unary("Sqrt", .sqrt),
        unary("Reciprocal", .reciprocal), unary("Sign", .sign), unary("Floor", .floor), unary("Ceil", .ceil), unary("Round", .round),
        unary("Erf", .erf), unary("Sin", .sin), unary("Cos", .cos), unary("Tan", .tan), unary("Asin", .asin), unary("Acos", .acos),
        unary("Atan", .atan), unary("Sinh", .sinh), unary("Cosh", .cosh), unary("Asinh", .asinh), unary("Acosh", .acosh),
        unary("Atanh", .atanh), unary("Sigmoid", .sigmoid), unary("Tanh", .tanh), unary("Relu", .relu), unary("HardSwish", .hardSwish),
        unary("Softplus", .softplus), unary("Softsign", .softsign), unary("Mish", .mish),
    ]

    private static func unary(_ opType: String, _ function: Unary.Function) -> ImportRule {
        .one(opType) { try $0.unary(function, $0.input(0)) }
    }
}
