import GraphIR
import Operators

/// Removes what does nothing, and steps that undo each other.
///
///     %a = scale(%x) {factor = 1}
///     %b = transpose(%a) {permutation = [0, 2, 1]}
///     %c = transpose(%b) {permutation = [0, 2, 1]}
///     %y = silu(%c)
/// becomes
///     %y = silu(%x)
///
/// So with flatten and unflatten, chains of conversions of layout, tokens made from an image made from tokens, unsqueezed
/// twice, splits and concatenations of one part. An op that reads only the type of an operand reads that of the value in front
/// of a norm or an activation, so that those can be folded away.
///
/// Graphs from elsewhere come to the same forms: casts, slices, paddings and the like that do nothing go; views of views are one
/// view, transpositions that move nothing are views; a product with a number is a `scale`, as is a quotient where that is exact.
public struct Canonicalize: RuleSetPass {
    public static let name = "canonicalize"

    public init() {}

    public var rules: [any RewriteRule] {
        [
            RemoveScaleByOne(), CancelFlatten(), CancelUnflatten(), CancelTranspose(), CancelConvertLayout(), JoinUnsqueeze(),
            CancelTokensFromImage(), CancelImageFromTokens(), RemoveSplitIntoOne(), RemoveConcatOfOne(), ReadTypeEarlier(),
            ReadMergedTypeEarlier(),
        ] + Canonicalize.generalRules
    }
}

private struct RemoveScaleByOne: RewriteRule {
    func rewrite(_ node: NodeID, op: Scale, editor: inout GraphEditor) throws -> Bool {
        guard op.factor == 1 else { return false }
        editor.replace(node, by: editor.graph[node].operands[0])
        return true
    }
}

/// flatten(x) of one dimension, and flatten(unflatten(x)) of what was split.
private struct CancelFlatten: RewriteRule {
    func rewrite(_ node: NodeID, op: Flatten, editor: inout GraphEditor) throws -> Bool {
        let operand = editor.graph[node].operands[0]
        let rank = editor.type(operand).shape.rank
        func index(_ axis: Int, _ rank: Int) -> Int { axis < 0 ? axis + rank : axis }
        if index(op.first, rank) == index(op.last, rank) {
            editor.replace(node, by: operand)
            return true
        }
        guard let inner = editor.match(Unflatten.self, making: operand) else { return false }
        let axis = index(inner.op.axis, editor.type(inner.operands[0]).shape.rank)
        guard index(op.first, rank) == axis, index(op.last, rank) == axis + inner.op.sizes.count - 1 else { return false }
        editor.replace(node, by: inner.operands[0])
        editor.eraseUnused([inner.node])
        return true
    }
}

/// unflatten(x) into one dimension, and unflatten(flatten(x)) into what was merged.
private struct CancelUnflatten: RewriteRule {
    func rewrite(_ node: NodeID, op: Unflatten, editor: inout GraphEditor) throws -> Bool {
        let operand = editor.graph[node].operands[0]
        if op.sizes.count == 1 {
            editor.replace(node, by: operand)
            return true
        }
        guard let inner = editor.match(Flatten.self, making: operand), inner.op.first == op.axis, op.axis >= 0,
            inner.op.last - inner.op.first + 1 == op.sizes.count,
            editor.type(inner.operands[0]) == editor.type(editor.graph[node].results[0])
        else { return false }
        editor.replace(node, by: inner.operands[0])
        editor.eraseUnused([inner.node])
        return true
    }
}

private struct CancelTranspose: RewriteRule {
    func rewrite(_ node: NodeID, op: Transpose, editor: inout GraphEditor) throws -> Bool {
        let operand = editor.graph[node].operands[0]
        if op.permutation == Array(op.permutation.indices) {
            editor.replace(node, by: operand)
            return true
        }
        guard let inner = editor.match(Transpose.self, making: operand) else { return false }
        let both = op.permutation.map { inner.op.permutation[$0] }
        try editor.replace(node, with: Transpose(permutation: both), inner.operands, absorbing: [inner.node])
        return true
    }
}

private struct CancelConvertLayout: RewriteRule {
    func rewrite(_ node: NodeID, op: ConvertLayout, editor: inout GraphEditor) throws -> Bool {
        let operand = editor.graph[node].operands[0]
        if editor.type(operand).layout == op.layout {
            editor.replace(node, by: operand)
            return true
        }
        guard let inner = editor.match(ConvertLayout.self, making: operand) else { return false }
        try editor.replace(node, with: op, inner.operands, absorbing: [inner.node])
        return true
    }
}

private struct JoinUnsqueeze: RewriteRule {
    func rewrite(_ node: NodeID, op: Unsqueeze, editor: inout GraphEditor) throws -> Bool {
        guard let inner = editor.match(Unsqueeze.self, making: editor.graph[node].operands[0]), op.count + inner.op.count <= 8 else {
            return false
        }
        try editor.replace(node, with: Unsqueeze(count: op.count + inner.op.count), inner.operands, absorbing: [inner.node])
        return true
    }
}

private struct CancelTokensFromImage: RewriteRule {
    func rewrite(_ node: NodeID, op: TokensFromImage, editor: inout GraphEditor) throws -> Bool {
        guard let inner = editor.match(ImageFromTokens.self, making: editor.graph[node].operands[0]) else { return false }
        editor.replace(node, by: inner.operands[0])
        editor.eraseUnused([inner.node])
        return true
    }
}

private struct CancelImageFromTokens: RewriteRule {
    func rewrite(_ node: NodeID, op: ImageFromTokens, editor: inout GraphEditor) throws -> Bool {
        guard let inner = editor.match(TokensFromImage.self, making: editor.graph[node].operands[0]),
            editor.type(inner.operands[0]) == editor.type(editor.graph[node].results[0])
        else { return false }
        editor.replace(node, by: inner.operands[0])
        editor.eraseUnused([inner.node])
        return true
    }
}

private struct RemoveSplitIntoOne: RewriteRule {
    func rewrite(_ node: NodeID, op: Split, editor: inout GraphEditor) throws -> Bool {
        guard op.parts == 1 else { return false }
        editor.replace(node, by: editor.graph[node].operands[0])
        return true
    }
}

private struct RemoveConcatOfOne: RewriteRule {
    func rewrite(_ node: NodeID, op: Concat, editor: inout GraphEditor) throws -> Bool {
        guard editor.graph[node].operands.count == 1 else { return false }
        editor.replace(node, by: editor.graph[node].operands[0])
        return true
    }
}

private struct ReadTypeEarlier: RewriteRule {
    func rewrite(_ node: NodeID, op: ImageFromTokens, editor: inout GraphEditor) throws -> Bool {
        readTypeEarlier(node, &editor)
    }
}

private struct ReadMergedTypeEarlier: RewriteRule {
    func rewrite(_ node: NodeID, op: WindowMerge, editor: inout GraphEditor) throws -> Bool {
        readTypeEarlier(node, &editor)
    }
}

/// Reads the type of an operand in front of an op that never changes it.
private func readTypeEarlier(_ node: NodeID, _ editor: inout GraphEditor) -> Bool {
    guard let producer = editor.graph.producer(of: editor.graph[node].operands[1]) else { return false }
    let maker = editor.graph[producer]
    guard maker.op.keepsType else { return false }
    editor.setOperand(1, of: node, to: maker.operands[0])
    return true
}
