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
            if try fuse(Linear.self, layer, vector, axisFromEnd: 1, node, &editor) || fuse(Conv2D.self, layer, vector, axisFromEnd: 3, node, &editor) {
                return true
            }
        }
        return false
    }

    private func fuse<T: FusedOp>(
        _ kind: T.Type, _ layer: ValueID, _ vector: ValueID, axisFromEnd: Int, _ node: NodeID, _ editor: inout GraphEditor
    ) throws -> Bool {
        let shape = editor.type(layer).shape
        guard var fused = editor.fused(kind, making: layer, canAppend: .addBias), fused.operands.weights.count == 1,
            let bias = editor.channelVector(vector, count: shape[-axisFromEnd], axisFromEnd: axisFromEnd), editor.graph[bias].isParameter
        else { return false }
        fused.append(.addBias, bias)
        try editor.replace(node, with: fused, absorbing: [fused.node] + editor.viewNodes(from: bias, to: vector))
        return true
    }
}
