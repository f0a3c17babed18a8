import GraphIR
import Operators

/// Folds a SiLU into the group norm that feeds it.
///
///     %n = group_norm(%x, @scale, @bias) {groups = 32, epsilon = 1e-05}
///     %y = silu(%n)
/// becomes
///     %y = group_norm(%x, @scale, @bias) {groups = 32, epsilon = 1e-05, activation = silu}
public struct FuseGroupNormSiLU: RewritePass {
    public static let name = "fuse_group_norm_silu"

    public init() {}

    public func rewrite(_ node: NodeID, op: SiLU, editor: inout GraphEditor) throws -> Bool {
        guard let norm = editor.matchOnlyUsed(GroupNorm.self, making: editor.graph[node].operands[0]), norm.op.activation == nil else {
            return false
        }
        var fused = norm.op
        fused.activation = .silu
        try editor.replace(node, with: fused, norm.operands, absorbing: [norm.node])
        return true
    }
}
