import GraphIR
import Operators

/// Folds the addition of a vector of parameters into the linear layer or the convolution in front of it, as its bias.
///
///     %l = linear(%x, @weight)
///     %y = add(%l, @bias)
/// becomes
///     %y = linear(%x, @weight, @bias)
///
/// To a convolution the vector is added behind `unsqueeze(@bias) {count = 2}` or another view that has it along the channels.
public struct FuseBias: RewritePass {
    public static let name = "fuse_bias"

    public init() {}

    public func rewrite(_ node: NodeID, op: Add, editor: inout GraphEditor) throws -> Bool {
        let operands = editor.graph[node].operands
        for (layer, vector) in [(operands[0], operands[1]), (operands[1], operands[0])] where editor.type(layer) == editor.type(editor.graph[node].results[0]) {
            if let linear = editor.matchOnlyUsed(Linear.self, making: layer), case var fused = RoledOperands(linear),
                linear.op.activation == nil, fused.roles.isDisjoint(with: [.bias, .residual]), fused[all: .weight].count == 1,
                let bias = editor.channelVector(vector, count: editor.type(layer).shape[-1], axisFromEnd: 1), editor.graph[bias].isParameter
            {
                fused[.bias] = bias
                try editor.replace(node, with: fused, absorbing: [linear.node] + editor.viewNodes(from: bias, to: vector))
                return true
            }
            if let convolution = editor.matchOnlyUsed(Conv2D.self, making: layer), case var fused = RoledOperands(convolution),
                convolution.op.activation == nil, fused.roles.isDisjoint(with: [.bias, .residual]),
                let bias = editor.channelVector(vector, count: editor.type(layer).shape[1], axisFromEnd: 3), editor.graph[bias].isParameter
            {
                fused[.bias] = bias
                try editor.replace(node, with: fused, absorbing: [convolution.node] + editor.viewNodes(from: bias, to: vector))
                return true
            }
        }
        return false
    }
}
