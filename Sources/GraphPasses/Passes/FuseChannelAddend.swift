import GraphIR
import Operators

/// Lets a convolution add a vector, such as the projected time embedding, to all pixels of its result.
///
///     %c = conv2d(%x, @weight, @bias) {stride = [1, 1], padding = [1, 1, 1, 1]}
///     %u = unsqueeze(%time) {count = 2}
///     %y = add(%c, %u)
/// becomes
///     %y = conv2d(%x, @weight, @bias, %time) {..., epilogue = [add_bias, add_per_channel]}
public struct FuseChannelAddend: RewritePass {
    public static let name = "fuse_channel_addend"
    public static let runsAfter: [any Pass.Type] = [AssignLayout.self, FuseBias.self]

    public init() {}

    public func rewrite(_ node: NodeID, op: Add, editor: inout GraphEditor) throws -> Bool {
        let operands = editor.graph[node].operands
        for (layer, vector) in [(operands[0], operands[1]), (operands[1], operands[0])] {
            guard var fused = editor.fused(Conv2D.self, making: layer, canAppend: .addPerChannel), editor.canGrow(fused), case let image = editor.type(layer),
                image == editor.type(editor.graph[node].results[0]),
                let unsqueeze = editor.match(Unsqueeze.self, making: vector), unsqueeze.op.count == 2,
                case let shape = editor.type(unsqueeze.operands[0]).shape,
                shape == [image.shape[0], image.shape[1]] || shape == [1, image.shape[1]]
            else { continue }
            fused.append(.addPerChannel, unsqueeze.operands[0])
            try editor.replace(node, with: fused, absorbing: [fused.node, unsqueeze.node], from: fused.node)
            return true
        }
        return false
    }
}
