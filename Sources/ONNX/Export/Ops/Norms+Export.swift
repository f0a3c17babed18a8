import Operators
import Tensors

extension GroupNorm: ExportableOp {
    public func export(_ body: inout ExportBody) throws -> [String] {
        let type = body.types[0]
        try ExportBody.requireWritable(groups, "groups")
        let ones = body.constant(.floats(Array(repeating: 1, count: groups), shape: [groups], type.elementType))
        let zeros = body.constant(.floats(Array(repeating: 0, count: groups), shape: [groups], type.elementType))
        let grouped = body.reshaped(body.operands[0], [0, groups, -1])
        let normalized = body.apply("InstanceNormalization", [grouped, ones, zeros], ["epsilon": .float(epsilon)])
        let image = body.apply("Reshape", [normalized, body.shape(ofOperand: 0)])
        let axes = body.integers(Array(1..<type.shape.rank - 1))
        let scaled = body.apply("Mul", [image, body.apply("Unsqueeze", [body.operands[1], axes])])
        let shifted = body.apply("Add", [scaled, body.apply("Unsqueeze", [body.operands[2], axes])])
        return [activation == nil ? shifted : body.silu(shifted)]
    }
}

extension ExportBody {
    /// The mean over each group, which stays.
    fileprivate mutating func groupMean(_ grouped: String) -> String { apply("ReduceMean", [grouped], ["axes": .integers([2]), "keepdims": .integer(1)]) }

    /// Of groups [N, groups, ...] the mean, the distance to it, and the deviation.
    fileprivate mutating func groupMoments(_ grouped: String, epsilon: Float) -> (mean: String, centred: String, deviation: String) {
        let mean = groupMean(grouped)
        let centred = apply("Sub", [grouped, mean])
        let variance = groupMean(apply("Mul", [centred, centred]))
        return (mean, centred, apply("Sqrt", [apply("Add", [variance, scalar(Double(epsilon))])]))
    }
}

extension GroupNormGradient: ExportableOp {
    public func export(_ body: inout ExportBody) throws -> [String] {
        let (scale, bias) = (body.channels(body.operands[1], rank: 1), body.channels(body.operands[2], rank: 1))
        let (_, centred, deviation) = body.groupMoments(body.reshaped(body.operands[0], [0, groups, -1]), epsilon: epsilon)
        let norm = body.apply("Div", [centred, deviation])
        var gradient = body.operands[3]
        if activation == .silu {
            let z = body.apply("Add", [body.apply("Mul", [body.apply("Reshape", [norm, body.shape(ofOperand: 0)]), scale]), bias])
            let sigmoid = body.apply("Sigmoid", [z])
            let rest = body.apply("Mul", [body.apply("Mul", [z, sigmoid]), body.apply("Sub", [body.scalar(1), sigmoid])])
            gradient = body.apply("Mul", [gradient, body.apply("Add", [sigmoid, rest])])
        }
        let scaled = body.reshaped(body.apply("Mul", [gradient, scale]), [0, groups, -1])
        let along = body.apply("Mul", [norm, body.groupMean(body.apply("Mul", [scaled, norm]))])
        let result = body.apply("Div", [body.apply("Sub", [body.apply("Sub", [scaled, body.groupMean(scaled)]), along]), deviation])
        return [body.apply("Reshape", [result, body.shape(ofOperand: 0)])]
    }
}

extension GroupStatistics: ExportableOp {
    public func export(_ body: inout ExportBody) -> [String] {
        let fused = fusedOperands(Array(body.operands.indices))!
        let image = body.image(fused)
        let (scale, bias) = (body.operands[fused.weights[0]], body.operands[fused.weights[1]])
        let (mean, _, deviation) = body.groupMoments(body.reshaped(image, [0, groups, -1]), epsilon: epsilon)
        // [N, groups, channels of a group], then [N, C]
        func perGroup(_ vector: String) -> String { body.reshaped(vector, [1, groups, -1]) }
        func perChannel(_ x: String) -> String { body.reshaped(x, [0, -1]) }
        let factor = body.apply("Div", [perGroup(scale), deviation])
        let addend = body.apply("Sub", [perGroup(bias), body.apply("Mul", [mean, factor])])
        return [perChannel(factor), perChannel(addend)]
    }
}

extension LayerNorm: ExportableOp {
    public var isStandard: Bool { true }
    public func export(_ body: inout ExportBody) -> [String] {
        [body.apply("LayerNormalization", body.operands, ["axis": .integer(-1), "epsilon": .float(epsilon)])]
    }
}
