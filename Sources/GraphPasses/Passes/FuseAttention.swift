import GraphIR
import Operators

/// Raises matmul, scale, softmax and matmul to attention over tokens.
///
///     %q4 = unflatten(%q) {axis = 2, sizes = [-1, 64]}
///     %qh = transpose(%q4) {permutation = [0, 2, 1, 3]}      the same for k and v
///     %qk = matmul(%qh, %kh) {transpose_b = true}
///     %sc = scale(%qk) {factor = 0.125}
///     %p = softmax(%sc)
///     %m = matmul(%p, %vh) {transpose_b = false}
///     %t = transpose(%m) {permutation = [0, 2, 1, 3]}
///     %y = flatten(%t) {first = 2, last = 3}
/// becomes
///     %y = attention(%q, %k, %v) {head_size = 64, scale = 0.125, causal = false}
///
/// A `causal_mask` between scale and softmax makes it causal. Without unflatten, transpose and flatten there is one head as wide
/// as the tokens.
public struct FuseAttention: RewritePass {
    public static let name = "fuse_attention"

    public init() {}

    /// The product of weights and values.
    public func rewrite(_ node: NodeID, op: MatMul, editor: inout GraphEditor) throws -> Bool {
        let product = editor.graph[node]
        guard !op.transposeB, let softmax = editor.matchOnlyUsed(Softmax.self, making: product.operands[0]) else { return false }
        var absorbed = [softmax.node]
        var scores = softmax.operands[0]
        var causal = false
        if let mask = editor.matchOnlyUsed(CausalMask.self, making: scores) {
            causal = true
            absorbed.append(mask.node)
            scores = mask.operands[0]
        }
        var factor: Float = 1
        if let scale = editor.matchOnlyUsed(Scale.self, making: scores) {
            factor = scale.op.factor
            absorbed.append(scale.node)
            scores = scale.operands[0]
        }
        guard let similarity = editor.matchOnlyUsed(MatMul.self, making: scores), similarity.op.transposeB else { return false }
        absorbed.append(similarity.node)
        let parts = similarity.operands + [product.operands[1]]

        if editor.type(product.results[0]).shape.rank == 3 {
            return try fuse(parts, headSize: editor.type(parts[0]).shape[-1], factor, causal, absorbed, root: node, &editor)
        }
        let heads = parts.compactMap { splitHeads($0, editor) }
        guard heads.count == 3, Set(heads.map(\.size)).count == 1,
            let transpose = editor.matchOnlyUser(Transpose.self, of: product.results[0]), transpose.op.permutation == [0, 2, 1, 3],
            let flatten = editor.matchOnlyUser(Flatten.self, of: transpose.result), flatten.op.first == 2, flatten.op.last == 3
        else { return false }
        absorbed += [node, transpose.node] + heads.flatMap(\.nodes)
        return try fuse(heads.map(\.tokens), headSize: heads[0].size, factor, causal, absorbed, root: flatten.node, &editor)
    }

    private func fuse(
        _ parts: [ValueID], headSize: Int, _ factor: Float, _ causal: Bool, _ absorbed: [NodeID], root: NodeID,
        _ editor: inout GraphEditor
    ) throws -> Bool {
        let attention = Attention(headSize: headSize, scale: factor, causal: causal)
        // Inference knows which sizes go together.
        guard headSize <= Attention.largestHeadSize, parts.allSatisfy({ editor.type($0).shape.rank == 3 }),
            let type = try? attention.inferTypes(parts.map(editor.type)), type == editor.graph.resultTypes(editor.graph[root])
        else { return false }
        try editor.replace(root, with: attention, parts, absorbing: absorbed)
        return true
    }

    /// The tokens that transpose(unflatten(tokens)) takes apart into heads.
    private func splitHeads(_ value: ValueID, _ editor: GraphEditor) -> (tokens: ValueID, size: Int, nodes: [NodeID])? {
        guard let transpose = editor.match(Transpose.self, making: value), transpose.op.permutation == [0, 2, 1, 3],
            let unflatten = editor.match(Unflatten.self, making: transpose.operands[0]), unflatten.op.axis == 2,
            unflatten.op.sizes.count == 2
        else { return nil }
        return (unflatten.operands[0], editor.type(value).shape[3], [transpose.node, unflatten.node])
    }
}
