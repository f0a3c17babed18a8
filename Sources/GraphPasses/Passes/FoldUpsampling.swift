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
        guard op.upsampling == nil, op.operands == nil,
            let upsampling = editor.matchOnlyUsed(UpsampleNearest.self, making: editor.graph[node].operands[0]), upsampling.op.factor == 2,
            let convolution = editor.match(Conv2D.self, node), editor.canGrow(convolution), op.stride == [1, 1], op.padding == [1, 1, 1, 1],
            case var operands = RoledOperands(op, editor.graph[node].operands), case let weight = editor.type(operands[.weight]!).shape,
            weight[2] == 3, weight[3] == 3
        else { return false }
        operands[.input] = upsampling.operands[0]
        operands.op.upsampling = 2
        try editor.replace(node, with: operands, absorbing: [upsampling.node])
        return true
    }
}
