import Files
import GraphIR
import Tensors

/// What a group norm does to each channel, as a factor and an addend: `scale' = scale / sqrt(variance + epsilon)` and
/// `shift' = bias - mean scale'`, each [N, C]. The reader of the image applies them while it loads.
///
/// `operands` as in ``Conv2D``: `input` and `second_input` are concatenated, their addends added; `weight` and `bias` are
/// the norm's scale and bias. `moments` and `second_moments` [N, C, 2] are the mean and the variance of each channel of the two images,
/// where those who made them have taken them; the images' numbers are then not read.
public struct GroupStatistics: Op {
    public static let name = "group_statistics"

    public var groups: Int
    public var epsilon: Float
    public var operands: [Conv2D.Operand]?

    public init(groups: Int, epsilon: Float, operands: [Conv2D.Operand]? = nil) {
        self.groups = groups
        self.epsilon = epsilon
        self.operands = operands
    }

    public func roles(count: Int) -> [Conv2D.Operand] { operands ?? [.input, .weight, .bias] }

    public func index(of role: Conv2D.Operand, count: Int) -> Int? { roles(count: count).firstIndex(of: role) }

    public func readsData(ofOperand index: Int) -> Bool {
        guard let operands, operands.indices.contains(index) else { return true }
        switch operands[index] {
        case .input: return !operands.contains(.moments)
        case .secondInput: return !operands.contains(.secondMoments)
        default: return true
        }
    }

    public func inferTypes(_ types: [TensorType]) throws -> [TensorType] {
        let roles = roles(count: types.count)
        guard roles.count == types.count, Set(roles).count == roles.count,
            Set(roles).isSuperset(of: [.input, .weight, .bias]),
            Set(roles).isSubset(of: [.input, .weight, .bias, .secondInput, .inputAddend, .secondInputAddend, .moments, .secondMoments])
        else { throw InputError("the operands \(roles.map(\.rawValue)) do not go with \(types.count) values") }
        func type(_ role: Conv2D.Operand) -> TensorType? { roles.firstIndex(of: role).map { types[$0] } }
        let x = type(.input)!
        try Inference.requireRank(x, 4, "input")
        try Inference.requireFloat(x, "input")
        var channels = x.shape[1]
        if let second = type(.secondInput) {
            try Inference.requireRank(second, 4, "second input")
            try Inference.requireShape(second, [x.shape[0], second.shape[1], x.shape[2], x.shape[3]], "second input")
            channels += second.shape[1]
            if let addend = type(.secondInputAddend) { try Inference.requireShape(addend, second.shape, "second addend") }
        }
        if let addend = type(.inputAddend) { try Inference.requireShape(addend, x.shape, "addend") }
        for (image, moments, addend) in [
            (type(.input), type(.moments), type(.inputAddend)), (type(.secondInput), type(.secondMoments), type(.secondInputAddend)),
        ] {
            guard let moments else { continue }
            guard let image, addend == nil else { throw InputError("moments need an image without an addend") }
            try Inference.requireShape(moments, [image.shape[0], image.shape[1], 2], "moments")
        }
        guard groups > 0, channels % groups == 0 else { throw InputError("\(channels) channels do not make \(groups) groups") }
        try Inference.requireShape(type(.weight)!, [channels], "scale")
        try Inference.requireShape(type(.bias)!, [channels], "bias")
        let result = TensorType(x.elementType, [x.shape[0], channels])
        return [result, result]
    }

    public func floatingPointOperations(operands: [TensorType], results: [TensorType]) -> Int {
        let images = roles(count: operands.count).enumerated().filter {
            ($0.element == .input || $0.element == .secondInput) && readsData(ofOperand: $0.offset)
        }
        return 4 * images.reduce(0) { $0 + operands[$1.offset].elementCount }
    }
}
