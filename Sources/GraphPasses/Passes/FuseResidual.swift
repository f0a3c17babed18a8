import GraphIR
import Operators

/// Lets a convolution or linear layer add another tensor to its result.
///
///     %c = conv2d(%h, @weight, @bias) {stride = [1, 1], padding = [1, 1, 1, 1]}
///     %y = add(%x, %c)
/// becomes
///     %y = conv2d(%h, @weight, @bias, %x) {..., epilogue = [add_bias, add_residual]}
///
/// Of two layers the earlier one takes the other's result, so that what the later one reads need not be kept. Where the layer's tokens are added as an image, the other image is
/// added as tokens:
///
///     %l = linear(%t, @weight, @bias)
///     %i = image_from_tokens(%l, %x)
///     %y = add(%i, %x)
/// becomes
///     %r = tokens_from_image(%x)
///     %l = linear(%t, @weight, @bias, %r) {epilogue = [add_bias, add_residual]}
///     %y = image_from_tokens(%l, %x)
///
/// The layer that adds runs as soon as both are there: a control is added to the skip that it belongs to when that is made,
/// so that one of the two is kept until it is needed, not both.
public struct FuseResidual: RewritePass {
    public static let name = "fuse_residual"
    public static let runsAfter: [any Pass.Type] = [
        AssignLayout.self, FuseActivation.self, FuseChannelAddend.self, EraseTrivialWindows.self, PointwiseConvolutionToLinear.self,
    ]

    public init() {}

    public func rewrite(_ node: NodeID, op: Add, editor: inout GraphEditor) throws -> Bool {
        let type = editor.type(editor.graph[node].results[0])
        var operands = editor.graph[node].operands
        guard operands.allSatisfy({ editor.type($0) == type }) else { return false }
        func position(_ value: ValueID) -> Int { editor.graph.producer(of: value).map(editor.position) ?? -1 }
        operands.sort { position($0) < position($1) }
        for (layer, other) in [(operands[0], operands[1]), (operands[1], operands[0])] {
            if try fuse(Conv2D.self, layer, other, node, &editor) || fuse(Linear.self, layer, other, node, &editor) { return true }
            if let image = editor.matchOnlyUsed(ImageFromTokens.self, making: layer), type.layout == .channelsLast,
                var linear = freeLayer(Linear.self, making: image.operands[0], editor)
            {
                let name = editor.graph.name(of: linear.node)
                let tokens = "\(editor.graph.name(of: node)).tokens"
                linear.append(
                    .addResidual,
                    try editor.insertAfterOperands(TokensFromImage(), [other], name: tokens, origins: editor.origins(of: [node]))[0])
                let (op, values) = linear.assembled()
                let sum = try editor.insert(
                    op, values, from: linear.node, name: name, origins: editor.origins(of: [linear.node, node]))[0]
                try editor.replace(node, with: ImageFromTokens(), [sum, image.operands[1]], absorbing: [image.node], from: image.node)
                editor.eraseUnused([linear.node])
                editor.rename(sum, to: name)
                return true
            }
        }
        return false
    }

    private func fuse<T>(_ kind: T.Type, _ layer: ValueID, _ other: ValueID, _ node: NodeID, _ editor: inout GraphEditor) throws -> Bool
    where T: FusedOp {
        guard var fused = freeLayer(kind, making: layer, editor) else { return false }
        fused.append(.addResidual, other)
        try editor.replace(node, with: fused, absorbing: [fused.node], from: fused.node)
        return true
    }

    /// A layer that can add a residual, and whose result nothing else reads.
    private func freeLayer<T>(_ kind: T.Type, making value: ValueID, _ editor: GraphEditor) -> FusedNode<T>? {
        guard let layer = editor.fused(kind, making: value, canAppend: .addResidual), layer.operands.activation == nil, editor.canGrow(layer) else {
            return nil
        }
        return layer
    }
}
