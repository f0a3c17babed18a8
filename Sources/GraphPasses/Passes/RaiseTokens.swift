import GraphIR
import Operators
import Tensors

/// Raises transpositions between images and tokens, and what turns numbers of words into tokens.
///
///     %r = reshape(%x) {shape = [1, 320, 4096]}
///     %t = transpose(%r) {permutation = [0, 2, 1]}
/// becomes
///     %t = tokens_from_image(%x)
///
/// and behind it
///
///     %b = transpose(%tokens) {permutation = [0, 2, 1]}
///     %y = reshape(%b) {shape = [1, 320, 64, 64]}
/// becomes
///     %y = image_from_tokens(%tokens, %x)
///
/// since a `tokens_from_image` of an image of that size stands in front of it. A `gather` of rows of a matrix of parameters is an `embedding`.
public struct RaiseTokens: RuleSetPass {
    public static let name = "raise_tokens"
    public static let runsAfter: [any Pass.Type] = [Canonicalize.self]

    public init() {}

    public var rules: [any RewriteRule] { [RaiseTokensFromImage(), RaiseImageFromTokens(), RaiseEmbedding()] }

    private struct RaiseTokensFromImage: RewriteRule {
        func rewrite(_ node: NodeID, op: Transpose, editor: inout GraphEditor) throws -> Bool {
            guard op.permutation == [0, 2, 1], let view = editor.matchView(making: editor.graph[node].operands[0]),
                editor.isPixels(editor.graph[node].operands[0], of: view.operand)
            else { return false }
            try editor.replace(node, with: TokensFromImage(), [view.operand], absorbing: [view.node])
            return true
        }
    }

    private struct RaiseImageFromTokens: RewriteRule {
        func rewrite(_ node: NodeID, op: Reshape, editor: inout GraphEditor) throws -> Bool {
            let result = editor.graph[node].results[0]
            guard let transpose = editor.match(Transpose.self, making: editor.graph[node].operands[0]), transpose.op.permutation == [0, 2, 1],
                editor.isPixels(transpose.result, of: result), let image = imageOfSize(result, inFrontOf: node, editor)
            else { return false }
            try editor.replace(node, with: ImageFromTokens(), [transpose.operands[0], image], absorbing: [transpose.node])
            return true
        }

        /// The image that was last made tokens, if it is of the size of another one; that in front of a 1x1 convolution.
        private func imageOfSize(_ image: ValueID, inFrontOf node: NodeID, _ editor: GraphEditor) -> ValueID? {
            let (shape, position) = (editor.type(image).shape, editor.position(of: node))
            var best: (value: ValueID, position: Int)?
            for id in editor.graph.order {
                guard editor.position(of: id) < position else { break }
                guard let tokens = editor.match(TokensFromImage.self, id), case let source = editor.type(tokens.operands[0]).shape,
                    source[0] == shape[0], source[2] == shape[2], source[3] == shape[3]
                else { continue }
                best = (tokens.operands[0], editor.position(of: id))
            }
            guard var value = best?.value else { return nil }
            while let convolution = editor.match(Conv2D.self, making: value), editor.type(convolution.operands[1]).shape.dimensions[2...] == [1, 1],
                convolution.op.stride == [1, 1], convolution.op.padding == [0, 0, 0, 0], convolution.op.prologue == nil
            {
                value = convolution.operands[0]
            }
            return value
        }
    }

    private struct RaiseEmbedding: RewriteRule {
        func rewrite(_ node: NodeID, op: Gather, editor: inout GraphEditor) throws -> Bool {
            let operands = editor.graph[node].operands
            let (table, ids) = (editor.type(operands[0]), editor.type(operands[1]))
            guard op.axis == 0, table.shape.rank == 2, table.elementType == .float32, editor.graph[operands[0]].isParameter,
                ids.elementType == .int32, ids.shape.rank == 2
            else { return false }
            try editor.replace(node, with: Embedding(), [operands[1], operands[0]])
            return true
        }
    }
}

extension GraphEditor {
    /// Whether a value [N, C, H W] has the shape of an image [N, C, H, W] with its pixels in a row.
    fileprivate func isPixels(_ value: ValueID, of image: ValueID) -> Bool {
        let (pixels, image) = (type(value).shape, type(image).shape)
        return image.rank == 4 && pixels == [image[0], image[1], image[2] * image[3]] && type(value).elementType == .float32
    }
}
