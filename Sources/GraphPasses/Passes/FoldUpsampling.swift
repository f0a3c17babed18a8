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
        var operands = RoledOperands(op, editor.graph[node].operands)
        let weight = editor.type(operands[.weight]!).shape
        guard op.upsampling == nil, op.stride == [1, 1], op.padding == [1, 1, 1, 1], op.dilation ?? [1, 1] == [1, 1], op.groups ?? 1 == 1,
            weight[2] == 3, weight[3] == 3, operands.roles.isSubset(of: [.input, .weight, .bias]),
            let upsampling = editor.matchOnlyUsed(UpsampleNearest.self, making: operands[.input]!), upsampling.op.factor == 2,
            editor.type(operands[.input]!).layout == .channelsLast
        else { return false }
        operands[.input] = upsampling.operands[0]
        operands.op.upsampling = 2
        try editor.replace(node, with: operands, absorbing: [upsampling.node])
        return true
    }
}
