import Files
import Operators
import Tensors

extension Unary: ExportableOp {
    public var isStandard: Bool { true }

    public func export(_ body: inout ExportBody) throws -> [String] {
        let x = body.operands[0]
        let (alpha, beta) = constants
        func plain(_ operation: String) -> String { body.apply(operation, [x]) }
        switch function {
        case .leakyReLU: return [body.apply("LeakyRelu", [x], ["alpha": .float(alpha)])]
        case .elu: return [body.apply("Elu", [x], ["alpha": .float(alpha)])]
        case .celu: return [body.apply("Celu", [x], ["alpha": .float(alpha)])]
        case .selu: return [body.apply("Selu", [x], ["alpha": .float(alpha), "gamma": .float(beta)])]
        case .thresholdedReLU: return [body.apply("ThresholdedRelu", [x], ["alpha": .float(alpha)])]
        case .hardSigmoid: return [body.apply("HardSigmoid", [x], ["alpha": .float(alpha), "beta": .float(beta)])]
        case .isInf:
            return [body.apply("IsInf", [x], ["detect_negative": .integer(alpha == 0 ? 0 : 1), "detect_positive": .integer(beta == 0 ? 0 : 1)])]
        // These came with later opsets.
        case .mish: return [body.apply("Mul", [x, body.apply("Tanh", [body.apply("Softplus", [x])])])]
        case .geluTanh: return [body.approximateGELU(x)]
        case .bitwiseNot: throw InputError("opset \(ONNXExport.opsetVersion) has no operators on bits")
        default: return [plain(function.operation)]
        }
    }
}

extension Unary.Function {
    /// The operator that is this function, without attributes.
    fileprivate var operation: String {
        switch self {
        case .negate: "Neg"
        case .relu: "Relu"
        case .isNaN: "IsNaN"
        case .hardSwish: "HardSwish"
        default: rawValue.prefix(1).uppercased() + rawValue.dropFirst()
        }
    }
}

extension ExportBody {
    /// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
    fileprivate mutating func approximateGELU(_ x: String) -> String {
        let cube = apply("Mul", [apply("Mul", [x, x]), x])
        let inner = apply("Add", [x, apply("Mul", [cube, scalar(0.044715)])])
        let bend = apply("Tanh", [apply("Mul", [inner, scalar((2 / Double.pi).squareRoot())])])
        return apply("Mul", [apply("Mul", [x, apply("Add", [bend, scalar(1)])]), scalar(0.5)])
    }
}

extension Binary: ExportableOp {
    public var isStandard: Bool { true }

    public func export(_ body: inout ExportBody) throws -> [String] {
        let operation: (name: String, attributes: KeyValuePairs<String, ONNXAttributeValue>) =
            switch function {
            case .subtract: ("Sub", [:])
            case .divide: ("Div", [:])
            case .power: ("Pow", [:])
            case .minimum: ("Min", [:])
            case .maximum: ("Max", [:])
            case .modulo: ("Mod", [:])
            case .remainder: ("Mod", ["fmod": .integer(1)])
            case .prelu: ("PRelu", [:])
            case .and: ("And", [:])
            case .or: ("Or", [:])
            case .xor: ("Xor", [:])
            case .equal: ("Equal", [:])
            case .less: ("Less", [:])
            case .lessOrEqual: ("LessOrEqual", [:])
            case .greater: ("Greater", [:])
            case .greaterOrEqual: ("GreaterOrEqual", [:])
            case .shiftLeft: ("BitShift", ["direction": .string("LEFT")])
            case .shiftRight: ("BitShift", ["direction": .string("RIGHT")])
            case .bitwiseAnd, .bitwiseOr, .bitwiseXor: throw InputError("opset \(ONNXExport.opsetVersion) has no operators on bits")
            }
        guard operation.name != "Mod" || !body.types[0].elementType.isFloatingPoint || function == .remainder else {
            // ONNX has it for integers only: a - b floor(a / b).
            let quotient = body.apply("Floor", [body.apply("Div", body.operands)])
            return [body.apply("Sub", [body.operands[0], body.apply("Mul", [body.operands[1], quotient])])]
        }
        return [body.apply(operation.name, body.operands, operation.attributes)]
    }
}

extension Select: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] { [body.apply("Where", body.operands)] }
}

extension Cast: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] {
        [body.apply("Cast", body.operands, ["to": .integer(Int(to.onnxDataType))])]
    }
}

extension Constant: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] {
        guard values.count == 1, Shape(shape).elementCount > 1 else { return [body.constant(ONNXTensorValue(tensor()))] }
        let one = Constant(elementType, [1], values).tensor()
        return [body.apply("ConstantOfShape", [body.integers(shape)], ["value": .tensor(ONNXTensorValue(one))])]
    }
}
