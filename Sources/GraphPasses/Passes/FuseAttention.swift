import GraphIR
import Operators
import Tensors

/// Raises matmul, scale, softmax and matmul to attention over tokens.
///
///     %q4 = unflatten(%q) {axis = 2, sizes = [-1, 64]}
///     %qh = transpose(%q4) {permutation = [0, 2, 1, 3]}      the same for k and v
///     %qk = matmul(%qh, %kh) {transpose_b = true}
///     %sc = scale(%qk) {factor = 0.125}
///     %p = softmax(%sc)
///     %m = matmul(%p, %vh) {transpose_b = false}
///     %t = transpose(%m) {permutation = [0, 2, 1, 3]}
///     %y = flatten(%t) {first = 2, last = 3}
/// becomes
///     %y = attention(%q, %k, %v) {head_size = 64, scale = 0.125, causal = false}
///
/// A `causal_mask` between scale and softmax makes it causal. Without unflatten, transpose and flatten there is one head as wide
/// as the tokens. How the heads are taken apart and put together does not matter, as long as every element ends in the same
/// place: other views and transpositions serve as well, heads may be counted among the images, keys and values may be transposed by
/// themselves or be channels of an image. Query and key may be scaled instead of their product; a scale that is `1 / sqrt(head_size)` but for its
/// rounding becomes that.
public struct FuseAttention: RewritePass {
    public static let name = "fuse_attention"

    public init() {}

    /// The product of weights and values.
    public func rewrite(_ node: NodeID, op: MatMul, editor: inout GraphEditor) throws -> Bool {
        let product = editor.graph[node]
        guard let softmax = editor.matchOnlyUsed(Softmax.self, making: product.operands[0]) else { return false }
        var absorbed = [softmax.node]
        var scores = softmax.operands[0]
        var causal = false
        if let mask = editor.matchOnlyUsed(CausalMask.self, making: scores) {
            causal = true
            absorbed.append(mask.node)
            scores = mask.operands[0]
        }
        let unscaled = editor.unscaled(scores)
        guard ([scores] + unscaled.nodes.dropLast().map { editor.graph[$0].operands[0] }).allSatisfy({ editor.onlyUser(of: $0) != nil }),
            let similarity = editor.matchOnlyUsed(MatMul.self, making: unscaled.value)
        else { return false }
        absorbed += unscaled.nodes + [similarity.node]
        let query = editor.headSources(of: similarity.operands[0], isTransposed: false, allowsScale: true)
        let key = editor.headSources(of: similarity.operands[1], isTransposed: !similarity.op.transposeB, allowsScale: true)
        let value = editor.headSources(of: product.operands[1], isTransposed: op.transposeB, allowsScale: false)
        for q in query.reversed() {
            guard let k = key.last(where: { $0.headCount == q.headCount }), let v = value.last(where: { $0.headCount == q.headCount }),
                let tail = editor.headsJoined(product.results[0], headCount: q.headCount)
            else { continue }
            let factor = unscaled.factor * q.factor * k.factor
            let attention = Attention(headSize: q.headSize, scale: FuseAttention.scale(factor, headSize: q.headSize), causal: causal)
            let types = [q, k, v].map { $0.tokenType(editor) }
            // Inference knows which sizes go together.
            guard q.headSize <= Attention.largestHeadSize, let type = try? attention.inferTypes(types).first, type.shape == tail.tokens,
                type.elementType == editor.type(product.results[0]).elementType
            else { continue }
            let parts = try [q, k, v].map { try $0.tokens(before: similarity.node, &editor) }
            let all = absorbed + tail.nodes + q.nodes + k.nodes + v.nodes
            let root = editor.graph[tail.root]
            if editor.type(root.results[0]) == type {
                try editor.replace(tail.root, with: attention, parts, absorbing: all)
            } else {
                let name = "\(editor.graph.name(of: tail.root)).tokens"
                let tokens = try editor.insert(attention, parts, before: tail.root, name: name, origins: editor.origins(of: all + [tail.root]))
                try editor.replace(tail.root, with: Reshape(editor.type(root.results[0]).shape), tokens, absorbing: all)
            }
            return true
        }
        return false
    }

    /// The factor in float32; where it is the usual one but for rounding, exporters have written its square root on both sides.
    private static func scale(_ factor: Double, headSize: Int) -> Float {
        let usual = 1 / Float(headSize).squareRoot()
        return (Double(usual) - factor).magnitude < 1e-6 * Double(usual) ? usual : Float(factor)
    }
}

/// Tokens [N, T, heads d], or an image [N, heads d, H, W], from which a matrix for each head is made.
private struct HeadSource {
    var value: ValueID
    var headCount: Int
    var headSize: Int
    /// The matrices are so many times the tokens.
    var factor: Double
    /// What lies between.
    var nodes: [NodeID]

    func tokenType(_ editor: GraphEditor) -> TensorType {
        let type = editor.type(value)
        return type.shape.rank == 3 ? type : TensorType(type.elementType, [type.shape[0], type.shape[2] * type.shape[3], type.shape[1]])
    }

    func tokens(before node: NodeID, _ editor: inout GraphEditor) throws -> ValueID {
        guard editor.type(value).shape.rank == 4 else { return value }
        return try editor.insert(TokensFromImage(), [value], before: node, name: "\(editor.graph[value].name).tokens")[0]
    }
}

extension GraphEditor {
    /// What matrices of heads [..., T, d] (or [..., d, T]) are made from by views, transpositions and scales alone; the most distant last.
    fileprivate func headSources(of value: ValueID, isTransposed: Bool, allowsScale: Bool) -> [HeadSource] {
        let shape = type(value).shape
        guard shape.rank >= 3, shape.elementCount > 0 else { return [] }
        let (count, size) = isTransposed ? (shape[-1], shape[-2]) : (shape[-2], shape[-1])
        var result: [HeadSource] = []
        var current = value
        var nodes: [NodeID] = []
        var factor = 1.0
        while true {
            let source = type(current).shape
            let channels = source.rank == 3 ? source[2] : source.rank == 4 ? source[1] : 0
            let heads = channels / size
            if channels > 0, channels % size == 0, source.rank == 3 ? source[1] == count : source[2] * source[3] == count,
                source.elementCount == shape.elementCount, type(current).layout == .rowMajor,
                let order = order(of: value, from: nodes, shape: source),
                order == ElementOrder.heads(source, headCount: heads, isTransposed: isTransposed, as: shape)
            {
                result.append(HeadSource(value: current, headCount: heads, headSize: size, factor: factor, nodes: nodes))
            }
            guard let node = graph.producer(of: current) else { break }
            if allowsScale, let scale = scaleFactor(node) {
                factor *= scale
            } else if !(graph[node].op is Transpose || graph[node].op is any ReshapingOp) {
                break
            }
            nodes.append(node)
            current = graph[node].operands[0]
        }
        return result
    }

    /// Where the elements of a value come from, behind these nodes, the last of which reads a tensor of that shape.
    private func order(of value: ValueID, from nodes: [NodeID], shape: Shape) -> ElementOrder? {
        var order = ElementOrder(shape)
        for node in nodes.reversed() {
            if let transpose = graph[node].op as? Transpose {
                order.transpose(transpose.permutation)
            } else if graph[node].op is any ReshapingOp {
                guard order.reshape(to: type(graph[node].results[0]).shape) else { return nil }
            }
        }
        return order
    }

    /// Where the heads' results [..., T, d] have become tokens: the first node behind which they have their shape, or else their order.
    fileprivate func headsJoined(_ product: ValueID, headCount: Int) -> (root: NodeID, tokens: Shape, nodes: [NodeID])? {
        let shape = type(product).shape
        guard shape.rank >= 3, let producer = graph.producer(of: product), shape.elementCount > 0 else { return nil }
        let (count, size) = (shape[-2], shape[-1])
        let batch = shape.elementCount / (count * size)
        guard batch % headCount == 0 else { return nil }
        let tokens = Shape([batch / headCount, count, headCount * size])
        var expected = ElementOrder(shape)
        guard expected.reshape(to: [batch / headCount, headCount, count, size]) else { return nil }
        expected.transpose([0, 2, 1, 3])
        guard expected.reshape(to: tokens) else { return nil }

        var order = ElementOrder(shape)
        var nodes = [producer]
        var first: (root: NodeID, tokens: Shape, nodes: [NodeID])?
        var current = product
        while true {
            var asTokens = order
            if asTokens.reshape(to: tokens), asTokens == expected {
                let found = (root: nodes.last!, tokens: tokens, nodes: Array(nodes.dropLast()))
                if type(current).shape == tokens { return found }
                first = first ?? found
            }
            guard let user = onlyUser(of: current) else { return first }
            if let transpose = graph[user].op as? Transpose {
                order.transpose(transpose.permutation)
            } else {
                guard graph[user].op is any ReshapingOp, order.reshape(to: type(graph[user].results[0]).shape) else { return first }
            }
            nodes.append(user)
            current = graph[user].results[0]
        }
    }
}

extension ElementOrder {
    /// The order in which matrices of heads have the elements of tokens [N, T, C], or of an image [N, C, H, W].
    fileprivate static func heads(_ source: Shape, headCount: Int, isTransposed: Bool, as shape: Shape) -> ElementOrder? {
        var order = ElementOrder(source)
        if source.rank == 3 {
            guard order.reshape(to: [source[0], source[1], headCount, source[2] / headCount]) else { return nil }
            order.transpose(isTransposed ? [0, 2, 3, 1] : [0, 2, 1, 3])
        } else {
            guard order.reshape(to: [source[0], headCount, source[1] / headCount, source[2] * source[3]]) else { return nil }
            order.transpose(isTransposed ? [0, 1, 2, 3] : [0, 1, 3, 2])
        }
        return order.reshape(to: shape) ? order : nil
    }
}
