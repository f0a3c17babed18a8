import Files
import Operators
import Tensors

extension ImportRule {
    static let activations: [ImportRule] = [
        withConstants("LeakyRelu", .leakyReLU, alpha: 0.01), withConstants("Elu", .elu, alpha: 1), withConstants("Celu", .celu, alpha: 1),
        withConstants("ThresholdedRelu", .thresholdedReLU, alpha: 1), withConstants("HardSigmoid", .hardSigmoid, alpha: 0.2, beta: 0.5),
        .one("Selu") { node in
            let (alpha, gamma) = (try node.float("alpha", default: 1.673_263_2), try node.float("gamma", default: 1.050_701))
            return try node.apply(Unary(.selu, alpha: alpha, beta: gamma), node.input(0))
        },
        .one("PRelu") { try $0.prelu() },
        .one("Gelu") { node in
            let x = try node.input(0)
            switch try node.string("approximate", default: "none") {
            case "none": return try node.inFloat32([x]) { try node.apply(GELU(), $0) }
            case "tanh": return try node.unary(.geluTanh, x)
            default: throw InputError("its attribute 'approximate' must be none or tanh")
            }
        },
        .one("Swish") { node in
            let x = try node.input(0)
            let alpha = try node.float("alpha", default: 1)
            let scaled = alpha == 1 ? x : try node.multiply(x, node.scalar(Double(alpha), like: x))
            return try node.multiply(x, node.unary(.sigmoid, scaled))
        },
        .one("Shrink") { try $0.shrink() },
    ]

    private static func withConstants(_ opType: String, _ function: Unary.Function, alpha: Float, beta: Float? = nil) -> ImportRule {
        .one(opType) { node in
            let beta = try beta.map { try node.float("beta", default: $0) }
            return try node.apply(Unary(function, alpha: try node.float("alpha", default: alpha), beta: beta), node.input(0))
        }
    }

    static let clipping: [ImportRule] = [
        .one("Clip") { node in
            var x = try node.input(0)
            // The bounds became operands with opset 11.
            func bound(_ name: String, _ index: Int) throws -> ImportedValue? {
                try node.optionalInput(index) ?? node.float(name).map { node.scalar(Double($0), like: x) }
            }
            if let low = try bound("min", 1) { x = try node.binary(.maximum, x, low) }
            if let high = try bound("max", 2) { x = try node.binary(.minimum, x, high) }
            return x
        }
    ]
}

extension NodeImport {
    /// Before opset 7 the slopes were one a channel; now they broadcast from behind as everything else.
    fileprivate func prelu() throws -> ImportedValue {
        let (x, slope) = (try input(0), try input(1))
        guard opset < 7, rank(slope) == 1, rank(x) > 2 else { return try binary(.prelu, x, slope) }
        return try binary(.prelu, x, reshape(slope, Shape(shape(slope).dimensions + [Int](repeating: 1, count: rank(x) - 2))))
    }

    fileprivate func shrink() throws -> ImportedValue {
        let x = try input(0)
        let (lambda, bias) = (scalar(Double(try float("lambd", default: 0.5)), like: x), scalar(Double(try float("bias", default: 0)), like: x))
        let zero = scalar(0, like: x)
        let isBelow = try binary(.less, x, unary(.negate, lambda))
        let isAbove = try binary(.greater, x, lambda)
        return try apply(Select(), isBelow, add(x, bias), apply(Select(), isAbove, subtract(x, bias), zero))
    }
}
