import GraphIR
import Operators
import Tensors

/// Raises matrix products with transposed operands and with weights.
///
///     %t = transpose(@weight) {permutation = [1, 0]}
///     %y = matmul(%x, %t) {transpose_b = false}
/// becomes
///     %y = linear(%x, @weight)
///
/// A second matrix that is no weight makes it `transpose_b = true`.
public struct RaiseProducts: RewritePass {
    public static let name = "raise_products"
    /// A transposition may be that of an image's pixels.
    public static let runsAfter: [any Pass.Type] = [Canonicalize.self, RaiseTokens.self]

    public init() {}

    public func rewrite(_ node: NodeID, op: MatMul, editor: inout GraphEditor) throws -> Bool {
        let operands = editor.graph[node].operands
        let second = editor.type(operands[1]).shape
        if op.transposeB {
            guard isWeight(operands[1], editor), editor.type(operands[0]).elementType == .float32 else { return false }
            try editor.replace(node, with: Linear(), operands)
            return true
        }
        guard let transpose = editor.match(Transpose.self, making: operands[1]),
            transpose.op.permutation == Array(0..<second.rank - 2) + [second.rank - 1, second.rank - 2]
        else { return false }
        let turned: any Op = isWeight(transpose.operands[0], editor) && editor.type(operands[0]).elementType == .float32 ? Linear() : MatMul(transposeB: true)
        try editor.replace(node, with: turned, [operands[0], transpose.operands[0]], absorbing: [transpose.node])
        return true
    }

    private func isWeight(_ value: ValueID, _ editor: GraphEditor) -> Bool {
        editor.graph[value].isParameter && editor.type(value).shape.rank == 2
    }
}
