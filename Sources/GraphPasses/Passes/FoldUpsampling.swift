import GraphIR
import Operators

/// Folds nearest 2x upsampling into the 3x3 convolution behind it, which then works on the small image.
///
///     %u = upsample_nearest(%x) {factor = 2}
///     %y = conv2d(%u, @weight, @bias) {stride = [1, 1], padding = [1, 1, 1, 1]}
/// becomes
///     %y = conv2d(%x, @weight, @bias) {stride = [1, 1], padding = [1, 1, 1, 1], upsampling = 2}
public struct FoldUpsampling: RewritePass {
    public static let name = "fold_upsampling"
    public static let runsAfter: [any Pass.Type] = [AssignLayout.self]

    public init() {}

    public func rewrite(_ node: NodeID, op: Conv2D, editor: inout GraphEditor) throws -> Bool {
        guard op.upsampling == nil, op.prologue == nil,
            let upsampling = editor.matchOnlyUsed(UpsampleNearest.self, making: editor.graph[node].operands[0]), upsampling.op.factor == 2,
            var convolution = editor.fused(Conv2D.self, node), editor.canGrow(convolution), op.stride == [1, 1], op.padding == [1, 1, 1, 1],
            Set(convolution.epilogue).isDisjoint(with: [.addPerChannel, .addResidual]),
            case let weight = editor.type(convolution.operands.weights[0]).shape, weight[2] == 3, weight[3] == 3
        else { return false }
        convolution.operands.input = upsampling.operands[0]
        convolution.op.upsampling = 2
        try editor.replace(node, with: convolution, absorbing: [upsampling.node])
        return true
    }
}
