import Operators
import Tensors

extension Linear: ExportableOp {
    public func export(_ body: inout ExportBody) throws -> [String] {
        let roles = roles(count: body.operands.count)
        let rank = body.types[roles.firstIndex(of: .input)!].shape.rank
        var x = body.operand(.input, roles)!
        let (rowScale, rowBias) = (body.operand(.rowScale, roles), body.operand(.rowBias, roles))
        if rowScale != nil || rowBias != nil || epsilon != nil {
            let type = body.types[roles.firstIndex(of: .input)!]
            try ExportBody.requireWritable(type.shape[-1], "columns")
            let ones = ONNXTensorValue.floats(Array(repeating: 1, count: type.shape[-1]), shape: [type.shape[-1]], type.elementType)
            let norm = [x, rowScale ?? body.constant(ones)] + (rowBias.map { [$0] } ?? [])
            x = body.apply("LayerNormalization", norm, ["axis": .integer(-1), "epsilon": .float(epsilon ?? 1e-5)])
        }
        if let scale = body.operand(.normScale, roles), let shift = body.operand(.normShift, roles) {
            func perRow(_ x: String) -> String { rank == 2 ? x : body.apply("Unsqueeze", [x, body.integers(Array(1..<rank - 1))]) }
            x = body.apply("Add", [body.apply("Mul", [x, perRow(scale)]), perRow(shift)])
        }
        x = body.activate(x, prologue)
        let weight = body.concatenated(indices(of: .weight, count: roles.count).map { body.matrix(operand: $0) }, axis: 0)
        let biases = indices(of: .bias, count: roles.count).map { body.operands[$0] }
        let bias = biases.isEmpty ? [] : [body.concatenated(biases, axis: 0)]
        var y: String
        if rank == 2 {
            y = body.apply("Gemm", [x, weight] + bias, ["transB": .integer(1)])
        } else {
            y = body.apply("MatMul", [x, body.transposed(weight, [1, 0])])
            if let bias = bias.first { y = body.apply("Add", [y, bias]) }
        }
        y = body.activate(y, activation)
        if let residual = body.operand(.residual, roles) { y = body.apply("Add", [y, residual]) }
        return [y] + (moments == true ? [body.moments(y, over: [1])] : [])
    }
}

extension ExportBody {
    /// A weight without the last two dimensions of a 1x1 convolution.
    fileprivate mutating func matrix(operand: Int) -> String {
        types[operand].shape.rank == 2 ? operands[operand] : reshaped(operands[operand], [0, 0])
    }
}

extension MatMul: ExportableOp {
    public var isStandard: Bool { !transposeB }
    public func export(_ body: inout ExportBody) -> [String] {
        guard transposeB else { return [body.apply("MatMul", body.operands)] }
        let rank = body.types[1].shape.rank
        let swapped = Array(0..<rank - 2) + [rank - 1, rank - 2]
        return [body.apply("MatMul", [body.operands[0], body.transposed(body.operands[1], swapped)])]
    }
}
