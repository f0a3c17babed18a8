import GraphIR
import Operators

/// Makes a 1x1 convolution between an image and tokens a linear layer on tokens, so that it takes part in what is done to those.
///
///     %c = conv2d(%x, @weight, @bias) {stride = [1, 1], padding = [0, 0, 0, 0]}
///     %y = tokens_from_image(%c)
/// becomes
///     %t = tokens_from_image(%x)
///     %y = linear(%t, @weight, @bias)
///
/// and likewise where the image is made from tokens:
///
///     %x = image_from_tokens(%t, %like)
///     %y = conv2d(%x, @weight, @bias) {stride = [1, 1], padding = [0, 0, 0, 0]}
/// becomes
///     %l = linear(%t, @weight, @bias)
///     %y = image_from_tokens(%l, %like)
public struct PointwiseConvolutionToLinear: RuleSetPass {
    public static let name = "pointwise_convolution_to_linear"
    /// Tokens of a channels-last image are a view.
    public static let runsAfter: [any Pass.Type] = [AssignLayout.self, FuseActivation.self]

    public init() {}

    public var rules: [any RewriteRule] { [BeforeTokens(), AfterTokens()] }

    private static func isPointwise(_ op: Conv2D, _ operands: [ValueID], _ editor: GraphEditor) -> Bool {
        guard op.prologue == nil, op.epilogue == nil, op.stride == [1, 1], op.padding == [0, 0, 0, 0], op.groups ?? 1 == 1, op.upsampling == nil,
            op.inputChannels == nil, op.flipsWeight == nil
        else { return false }
        let weight = editor.type(operands[1]).shape
        return weight[2] == 1 && weight[3] == 1 && editor.type(operands[0]).layout == .channelsLast
    }

    private struct BeforeTokens: RewriteRule {
        func rewrite(_ node: NodeID, op: TokensFromImage, editor: inout GraphEditor) throws -> Bool {
            guard let convolution = editor.matchOnlyUsed(Conv2D.self, making: editor.graph[node].operands[0]),
                isPointwise(convolution.op, convolution.operands, editor)
            else { return false }
            let name = "\(editor.graph.name(of: node)).input"
            let tokens = try editor.insert(TokensFromImage(), [convolution.operands[0]], before: convolution.node, name: name)
            try editor.replace(node, with: Linear(), tokens + convolution.operands.dropFirst(), absorbing: [convolution.node])
            return true
        }
    }

    private struct AfterTokens: RewriteRule {
        func rewrite(_ node: NodeID, op: Conv2D, editor: inout GraphEditor) throws -> Bool {
            let operands = editor.graph[node].operands
            guard isPointwise(op, operands, editor), let image = editor.matchOnlyUsed(ImageFromTokens.self, making: operands[0]) else {
                return false
            }
            let name = "\(editor.graph.name(of: node)).tokens"
            let linear = try editor.insert(
                Linear(), [image.operands[0]] + operands.dropFirst(), before: node, name: name, origins: editor.origins(of: [node]))
            try editor.replace(node, with: ImageFromTokens(), [linear[0], image.operands[1]], absorbing: [image.node])
            return true
        }
    }
}
