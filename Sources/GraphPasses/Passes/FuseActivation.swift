import GraphIR
import Operators

/// Folds GELU and SiLU into the linear layer or the convolution in front of them.
///
///     %l = linear(%x, @weight, @bias)
///     %y = gelu(%l)
/// becomes
///     %y = linear(%x, @weight, @bias) {activation = gelu}
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
            try fuseIntoLinear(.gelu, node, &editor)
        }
    }

    private struct FuseSiLU: RewriteRule {
        func rewrite(_ node: NodeID, op: SiLU, editor: inout GraphEditor) throws -> Bool {
            if try fuseIntoLinear(.silu, node, &editor) { return true }
            guard let convolution = editor.matchOnlyUsed(Conv2D.self, making: editor.graph[node].operands[0]),
                convolution.op.activation == nil, editor.canGrow(convolution),
                case var fused = RoledOperands(convolution), fused[.residual] == nil
            else { return false }
            fused.op.activation = .silu
            try editor.replace(node, with: fused, absorbing: [convolution.node])
            return true
        }
    }

    private static func fuseIntoLinear(_ activation: Activation, _ node: NodeID, _ editor: inout GraphEditor) throws -> Bool {
        guard let linear = editor.matchOnlyUsed(Linear.self, making: editor.graph[node].operands[0]), linear.op.activation == nil,
            editor.canGrow(linear), case var fused = RoledOperands(linear), fused[.residual] == nil
        else { return false }
        fused.op.activation = activation
        try editor.replace(node, with: fused, absorbing: [linear.node])
        return true
    }
}
