import GraphIR
import Operators
import Tensors

/// One way to apply an op to a value, with what else it takes.
public struct OpUse: Sendable {
    public enum Operand: Sendable {
        /// The value that the op is applied to.
        case subject
        /// Another value of this type.
        case value(TensorType)
        /// A parameter whose key ends so.
        case parameter(String, Shape)
        case constant(Constant)
    }

    public var op: any Op
    public var operands: [Operand]
    /// Whether small differences of its operands can make large ones of its result: ties, thresholds, poles.
    public var isSensitive = false

    init(_ op: any Op, _ operands: [Operand] = [.subject], sensitive: Bool = false) {
        self.op = op
        self.operands = operands
        isSensitive = sensitive
    }

    /// Whether equal operands give equal bits, however it is computed.
    var isExact: Bool {
        if let unary = op as? Unary { return [.abs, .negate, .relu, .sign, .floor, .ceil, .round, .not, .isNaN, .isInf].contains(unary.function) }
        if let binary = op as? Binary { return binary.function.isComparison || [.minimum, .maximum, .and, .or, .xor].contains(binary.function) }
        if let pool = op as? Pool { return pool.kind == .max }
        if let reduce = op as? Reduce { return reduce.function == .max || reduce.function == .min }
        let addsUp = op is ScatterElements || op is ScatterND || op is Resize
        return (Swift.type(of: op).family == .movement && !addsUp) || op is Select || op is Cast || op is ArgReduce || op is Embedding
    }

    /// The types of its results; nil where it does not fit the subject.
    public func results(_ subject: TensorType) -> [TensorType]? {
        let types = operands.map { operand in
            switch operand {
            case .subject: subject
            case .value(let type): type
            case .parameter(_, let shape): TensorType(.float32, shape)
            case .constant(let constant): TensorType(constant.elementType, Shape(constant.shape))
            }
        }
        return try? Graph.inferTypes(op, types)
    }

    /// Applies it.
    ///
    /// - Parameter value: gives a value of a type.
    /// - Returns: the results and the operands.
    func apply(
        to subject: ValueID, in builder: inout GraphBuilder, parameterName: String, value: (TensorType, inout GraphBuilder) throws -> ValueID
    ) throws -> (results: [ValueID], operands: [ValueID]) {
        let values = try operands.enumerated().map { index, operand -> ValueID in
            switch operand {
            case .subject: return subject
            case .value(let type): return try value(type, &builder)
            case .parameter(let suffix, let shape): return builder.parameter("\(parameterName).\(index).\(suffix)", TensorType(.float32, shape))
            case .constant(let constant): return try builder.apply(constant)
            }
        }
        func apply(_ op: some Op) throws -> [ValueID] { try builder.apply(op, values) }
        return (try apply(op), values)
    }
}
