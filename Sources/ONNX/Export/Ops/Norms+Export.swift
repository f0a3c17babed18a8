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

extension GroupStatistics: ExportableOp {
    public func export(_ body: inout ExportBody) -> [String] {
        let fused = fusedOperands(Array(body.operands.indices))!
        let image = body.image(fused)
        let (scale, bias) = (body.operands[fused.weights[0]], body.operands[fused.weights[1]])
        let grouped = body.reshaped(image, [0, groups, -1])
        let mean = body.apply("ReduceMean", [grouped], ["axes": .integers([2]), "keepdims": .integer(1)])
        let centred = body.apply("Sub", [grouped, mean])
        let variance = body.apply("ReduceMean", [body.apply("Mul", [centred, centred])], ["axes": .integers([2]), "keepdims": .integer(1)])
        let deviation = body.apply("Sqrt", [body.apply("Add", [variance, body.scalar(Double(epsilon))])])
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
