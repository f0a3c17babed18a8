import GraphIR
import Operators

/// Folds GELU and SiLU into the linear layer or the convolution in front of them.
///
///     %l = linear(%x, @weight, @bias)
///     %y = gelu(%l)
/// becomes
///     %y = linear(%x, @weight, @bias) {epilogue = [add_bias, gelu]}
///
/// Convolutions take SiLU only. A layer that adds a residual behind the activation takes none.
public struct FuseActivation: RuleSetPass {
    public static let name = "fuse_activation"
    /// The first two read a GELU or a SiLU as part of something larger; and of many equal ones only one may be left.
    public static let runsAfter: [any Pass.Type] = [
        FuseGEGLU.self, FuseGroupNormSiLU.self, EliminateCommonSubexpressions.self, AssignLayout.self, FuseBias.self,
    ]

    public init() {}

    public var rules: [any RewriteRule] { [FuseGELU(), FuseSiLU()] }

    private struct FuseGELU: RewriteRule {
        func rewrite(_ node: NodeID, op: GELU, editor: inout GraphEditor) throws -> Bool {
            try fuse(.gelu, into: Linear.self, node, &editor)
        }
    }

    private struct FuseSiLU: RewriteRule {
        func rewrite(_ node: NodeID, op: SiLU, editor: inout GraphEditor) throws -> Bool {
            try fuse(.silu, into: Linear.self, node, &editor) || fuse(.silu, into: Conv2D.self, node, &editor)
        }
    }

    private static func fuse<T: FusedOp>(_ activation: EpilogueStep, into kind: T.Type, _ node: NodeID, _ editor: inout GraphEditor) throws -> Bool {
        guard var layer = editor.fused(kind, making: editor.graph[node].operands[0], canAppend: activation), editor.canGrow(layer) else { return false }
        layer.append(activation)
        try editor.replace(node, with: layer, absorbing: [layer.node])
        return true
    }
}
