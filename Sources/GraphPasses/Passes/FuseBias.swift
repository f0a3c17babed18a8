import GraphIR
import Operators

/// Folds the addition of a vector of parameters into the linear layer or the convolution in front of it, as its bias.
///
///     %l = linear(%x, @weight)
///     %y = add(%l, @bias)
/// becomes
///     %y = linear(%x, @weight, @bias)
///
/// To a convolution the vector is added behind `unsqueeze(@bias) {count = 2}`.
public struct FuseBias: RewritePass {
    public static let name = "fuse_bias"

    public init() {}

    public func rewrite(_ node: NodeID, op: Add, editor: inout GraphEditor) throws -> Bool {
        let operands = editor.graph[node].operands
        for (layer, vector) in [(operands[0], operands[1]), (operands[1], operands[0])] {
            if let linear = editor.matchOnlyUsed(Linear.self, making: layer), case var fused = RoledOperands(linear),
                linear.op.activation == nil, fused.roles.isDisjoint(with: [.bias, .residual]), fused[all: .weight].count == 1,
                editor.graph[vector].isParameter, editor.type(vector).shape == [editor.type(layer).shape[-1]]
            {
                fused[.bias] = vector
                try editor.replace(node, with: fused, absorbing: [linear.node])
                return true
            }
            if let convolution = editor.matchOnlyUsed(Conv2D.self, making: layer), case var fused = RoledOperands(convolution),
                convolution.op.activation == nil, fused.roles.isDisjoint(with: [.bias, .residual]),
                let unsqueeze = editor.match(Unsqueeze.self, making: vector), unsqueeze.op.count == 2,
                editor.graph[unsqueeze.operands[0]].isParameter, editor.type(unsqueeze.operands[0]).shape == [editor.type(layer).shape[1]]
            {
                fused[.bias] = unsqueeze.operands[0]
                try editor.replace(node, with: fused, absorbing: [convolution.node, unsqueeze.node])
                return true
            }
        }
        return false
    }
}
