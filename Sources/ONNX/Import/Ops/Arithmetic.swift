import Files
import Operators
import Tensors

extension ImportRule {
    static let arithmetic: [ImportRule] = [
        .one("Add") { try $0.aligned(constantsAre: "bias") { try $0.add($1, $2) } },
        .one("Sub") { try $0.aligned { try $0.subtract($1, $2) } },
        .one("Mul") { try $0.aligned(constantsAre: "weight") { try $0.multiply($1, $2) } },
        .one("Div") { try $0.aligned { try $0.divide($1, $2) } },
        .one("Pow") { try $0.aligned { try $0.binary(.power, $1, $2) } },
        .one("Mod") { node in
            try node.binary(node.flag("fmod", default: false) ? .remainder : .modulo, node.input(0), node.input(1))
        },
        .one("Max") { node in try node.folding { try node.binary(.maximum, $0, $1) } },
        .one("Min") { node in try node.folding { try node.binary(.minimum, $0, $1) } },
        .one("Sum") { node in try node.folding(node.add) },
        .one("Mean") { node in
            let sum = try node.folding(node.add)
            return node.inputs.count == 1 ? sum : try node.divide(sum, node.scalar(Double(node.inputs.count), like: sum))
        },
        .one("BitwiseAnd") { try $0.binary(.bitwiseAnd, $0.input(0), $0.input(1)) },
        .one("BitwiseOr") { try $0.binary(.bitwiseOr, $0.input(0), $0.input(1)) },
        .one("BitwiseXor") { try $0.binary(.bitwiseXor, $0.input(0), $0.input(1)) },
        .one("BitwiseNot") { try $0.unary(.bitwiseNot, $0.input(0)) },
        .one("BitShift") { node in
            switch try node.string("direction") {
            case "LEFT": try node.binary(.shiftLeft, node.input(0), node.input(1))
            case "RIGHT": try node.binary(.shiftRight, node.input(0), node.input(1))
            default: throw InputError("its attribute 'direction' must be LEFT or RIGHT")
            }
        },
    ]

    static let comparisons: [ImportRule] = [
        .one("Equal") { try $0.binary(.equal, $0.input(0), $0.input(1)) },
        .one("Less") { try $0.binary(.less, $0.input(0), $0.input(1)) },
        .one("LessOrEqual") { try $0.binary(.lessOrEqual, $0.input(0), $0.input(1)) },
        .one("Greater") { try $0.binary(.greater, $0.input(0), $0.input(1)) },
        .one("GreaterOrEqual") { try $0.binary(.greaterOrEqual, $0.input(0), $0.input(1)) },
        .one("And") { try $0.binary(.and, $0.input(0), $0.input(1)) },
        .one("Or") { try $0.binary(.or, $0.input(0), $0.input(1)) },
        .one("Xor") { try $0.binary(.xor, $0.input(0), $0.input(1)) },
        .one("Not") { try $0.unary(.not, $0.input(0)) },
        .one("IsNaN") { try $0.unary(.isNaN, $0.input(0)) },
        .one("IsInf") { node in
            try node.apply(
                Unary(
                    .isInf, alpha: node.flag("detect_negative", default: true) ? 1 : 0, beta: node.flag("detect_positive", default: true) ? 1 : 0),
                node.input(0))
        },
        .one("Where") { try $0.apply(Select(), $0.input(0), $0.input(1), $0.input(2)) },
    ]
}

extension NodeImport {
    /// All operands, two at a time from the front.
    fileprivate func folding(_ combine: (ImportedValue, ImportedValue) throws -> ImportedValue) throws -> ImportedValue {
        let operands = try allInputs()
        return try operands.dropFirst().reduce(operands[0], combine)
    }

    /// Two operands as numpy aligns them. Before opset 7 an attribute said where the second one's dimensions belong.
    ///
    /// - Parameter part: what part of a module a vector is that the model has no name for.
    fileprivate func aligned(constantsAre part: String? = nil, _ combine: (NodeImport, ImportedValue, ImportedValue) throws -> ImportedValue) throws
        -> ImportedValue
    {
        let (a, b) = (try input(0), try input(1))
        if let part { for operand in [a, b] where isWeight(operand) { nameWeight(operand, part) } }
        guard opset < 7, try flag("broadcast", default: false), let first = try integer("axis") else { return try combine(self, a, b) }
        let trailing = rank(a) - (try axis(first, rank: rank(a))) - rank(b)
        guard trailing >= 0 else { throw InputError("\(type(b)) does not fit \(type(a)) at axis \(first)") }
        return try combine(self, a, reshape(b, Shape(shape(b).dimensions + [Int](repeating: 1, count: trailing))))
    }
}
