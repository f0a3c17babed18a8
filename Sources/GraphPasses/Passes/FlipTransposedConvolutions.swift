import GraphIR
import Operators

/// Makes a transposed convolution without strides a convolution with the weights flipped, for which there are fast kernels.
///
///     %y = conv_transpose(%x, @weight) {strides = [1, 1], padding = [1, 1, 1, 1], dilations = [1, 1], groups = 1, output_padding = [0, 0]}
/// becomes
///     %y = conv2d(%x, @weight) {stride = [1, 1], padding = [1, 1, 1, 1], flips_weight = true}
///
/// Such are the gradients of convolutions.
public struct FlipTransposedConvolutions: RewritePass {
    public static let name = "flip_transposed_convolutions"

    public init() {}

    public func rewrite(_ node: NodeID, op: ConvTranspose, editor: inout GraphEditor) throws -> Bool {
        let operands = editor.graph[node].operands
        guard op.strides == [1, 1], op.dilations == [1, 1], op.groups == 1, op.outputPadding == [0, 0], editor.graph[operands[1]].isParameter else {
            return false
        }
        let kernel = editor.type(operands[1]).shape.dimensions[2...]
        // In front of each dimension, then behind each; what is cut off of all that the kernel reaches.
        let padding = zip(kernel + kernel, op.padding).map { $0 - 1 - $1 }
        guard padding.allSatisfy({ $0 >= 0 }) else { return false }
        var convolution = Conv2D(padding: padding)
        convolution.flipsWeight = true
        try editor.replace(node, with: convolution, operands)
        return true
    }
}
