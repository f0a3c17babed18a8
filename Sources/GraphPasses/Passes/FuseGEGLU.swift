import GraphIR
import Operators

/// Folds the gating of a feed-forward layer into its linear layer.
///
///     %l = linear(%x, @weight, @bias)
///     %a, %g = split(%l) {axis = 2, parts = 2}
///     %h = gelu(%g)
///     %y = multiply(%a, %h)
/// becomes
///     %y = linear(%x, @weight, @bias) {epilogue = [add_bias, geglu]}
public struct FuseGEGLU: RewritePass {
    public static let name = "fuse_geglu"

    public init() {}

    public func rewrite(_ node: NodeID, op: Multiply, editor: inout GraphEditor) throws -> Bool {
        let operands = editor.graph[node].operands
        for (first, second) in [(0, 1), (1, 0)] {
            guard editor.onlyUser(of: operands[first]) != nil,
                let gate = editor.matchOnlyUsed(GELU.self, making: operands[second]),
                editor.onlyUser(of: gate.operands[0]) != nil,
                let split = editor.match(Split.self, making: gate.operands[0]),
                split.op.parts == 2, split.op.sizes == nil, split.results == [operands[first], gate.operands[0]],
                [-1, editor.type(split.operands[0]).shape.rank - 1].contains(split.op.axis),
                var linear = editor.fused(Linear.self, making: split.operands[0], canAppend: .geglu), editor.canGrow(linear),
                linear.operands.weights.count == 1
            else { continue }
            linear.append(.geglu)
            try editor.replace(node, with: linear, absorbing: [gate.node, split.node, linear.node])
            return true
        }
        return false
    }
}
