import Operators
import Tensors

extension Linear: ExportableOp {
    public func export(_ body: inout ExportBody) throws -> [String] {
        let fused = fusedOperands(Array(body.operands.indices))!
        let rank = body.types[fused.input].shape.rank
        var x = body.operands[fused.input]
        for (step, places) in fused.prologue {
            let values = places.map { body.operands[$0] }
            func perRow(_ x: String) -> String { rank == 2 ? x : body.apply("Unsqueeze", [x, body.integers(Array(1..<rank - 1))]) }
            switch step {
            case .layerNorm: x = body.apply("LayerNormalization", [x] + values, ["axis": .integer(-1), "epsilon": .float(epsilon ?? 1e-5)])
            case .scaleShift: x = body.apply("Add", [body.apply("Mul", [x, perRow(values[0])]), perRow(values[1])])
            default: x = body.silu(x)
            }
        }
        let weight = body.concatenated(fused.weights.map { body.matrix(operand: $0) }, axis: 0)
        guard rank == 2 else {
            return body.epilogue(body.apply("MatMul", [x, body.transposed(weight, [1, 0])]), fused, addsBias: true, momentsOver: [1])
        }
        let bias = fused[.addBias].map { [body.concatenated($0.map { body.operands[$0] }, axis: 0)] } ?? []
        return body.epilogue(body.apply("Gemm", [x, weight] + bias, ["transB": .integer(1)]), fused, addsBias: false, momentsOver: [1])
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
