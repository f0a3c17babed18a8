import GraphIR
import Operators
import Tensors

/// Raises the addition of minus infinity above the diagonal.
///
///     %m = triangle(%infinities) {upper = true, diagonal = 1} : f32[77, 77]
///     %y = add(%x, %m) : f32[1, 16, 77, 77]
/// becomes
///     %y = causal_mask(%x)
///
/// The mask may be a constant of all its numbers, too, and numbers below -1e30 will do: behind a softmax they are the same.
public struct RaiseCausalMask: RewritePass {
    public static let name = "raise_causal_mask"
    public static let runsAfter: [any Pass.Type] = [Canonicalize.self]

    public init() {}

    public func rewrite(_ node: NodeID, op: Add, editor: inout GraphEditor) throws -> Bool {
        let result = editor.graph[node].results[0]
        let operands = editor.graph[node].operands
        for (scores, mask) in [(operands[0], operands[1]), (operands[1], operands[0])] {
            guard editor.type(scores) == editor.type(result), case let shape = editor.type(mask).shape, shape.rank >= 2, shape[-1] == shape[-2],
                shape.elementCount == shape[-1] * shape[-1], case let matrix = editor.viewed(mask), isCausal(matrix, size: shape[-1], editor),
                let user = editor.onlyUser(of: result), editor.graph[user].op is Softmax, editor.type(result).shape[-1] == shape[-1],
                editor.type(result).shape[-2] == shape[-1]
            else { continue }
            let maker = editor.graph.producer(of: matrix)
            try editor.replace(node, with: CausalMask(), [scores], absorbing: editor.viewNodes(from: matrix, to: mask) + [maker].compactMap { $0 })
            return true
        }
        return false
    }

    /// Whether a matrix blocks what is above its diagonal, and nothing else.
    private func isCausal(_ matrix: ValueID, size: Int, _ editor: GraphEditor) -> Bool {
        if let constant = editor.graph.constant(matrix), constant.values.count == size * size {
            return constant.values.enumerated().allSatisfy { $0.offset % size > $0.offset / size ? $0.element < -1e30 : $0.element == 0 }
        }
        guard let triangle = editor.match(Triangle.self, making: matrix), case let shape = editor.type(matrix).shape, shape[-1] == size,
            shape[-2] == size, triangle.op.upper, triangle.op.diagonal == 1, let blocked = editor.splat(triangle.operands[0])
        else { return false }
        return blocked < -1e30
    }
}
