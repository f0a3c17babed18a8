import GraphIR
import Operators
import Tensors

/// Rules for ops that networks made here do not have, but those from elsewhere do.
extension Canonicalize {
    static let generalRules: [any RewriteRule] = [
        RemoveIfUnchanged<Cast>(), RemoveIfUnchanged<Expand>(), RemoveIfUnchanged<Slice>(), RemoveIfUnchanged<Pad>(), RemoveIfUnchanged<Tile>(),
        SimplifyReshape(), JoinViews<Flatten>(), JoinViews<Unflatten>(), JoinViews<Unsqueeze>(), TransposeToView(), MultiplyToScale(),
        DivideToScale(), JoinScales(), RemoveAddOfZero(),
    ]
}

/// Ops that do nothing where the result's type is the operand's.
private protocol UnchangingOp: Op {
    /// Whether no number changes either, where the type does not.
    var keepsElements: Bool { get }
}

extension Cast: UnchangingOp { fileprivate var keepsElements: Bool { true } }
extension Expand: UnchangingOp { fileprivate var keepsElements: Bool { true } }
extension Slice: UnchangingOp { fileprivate var keepsElements: Bool { zip(steps, sizes).allSatisfy { $0 == 1 || $1 <= 1 } } }
extension Pad: UnchangingOp { fileprivate var keepsElements: Bool { before.allSatisfy { $0 == 0 } } }
extension Tile: UnchangingOp { fileprivate var keepsElements: Bool { true } }

private struct RemoveIfUnchanged<MatchedOp: UnchangingOp>: RewriteRule {
    func rewrite(_ node: NodeID, op: MatchedOp, editor: inout GraphEditor) throws -> Bool {
        let operand = editor.graph[node].operands[0]
        guard op.keepsElements, editor.type(operand) == editor.type(editor.graph[node].results[0]) else { return false }
        editor.replace(node, by: operand)
        return true
    }
}

/// A reshape that does nothing, that follows another view, or that appends dimensions of one.
private struct SimplifyReshape: RewriteRule {
    func rewrite(_ node: NodeID, op: Reshape, editor: inout GraphEditor) throws -> Bool {
        let operand = editor.graph[node].operands[0]
        let shape = editor.type(operand).shape.dimensions
        if shape == op.shape {
            editor.replace(node, by: operand)
            return true
        }
        if let inner = editor.matchView(making: operand) {
            try editor.replace(node, with: op, [inner.operand], absorbing: [inner.node])
            return true
        }
        let count = op.shape.count - shape.count
        guard count > 0, count <= 8, op.shape == shape + Array(repeating: 1, count: count) else { return false }
        try editor.replace(node, with: Unsqueeze(count: count), [operand])
        return true
    }
}

private struct JoinViews<MatchedOp: ReshapingOp>: RewriteRule {
    func rewrite(_ node: NodeID, op: MatchedOp, editor: inout GraphEditor) throws -> Bool {
        guard let inner = editor.match(Reshape.self, making: editor.graph[node].operands[0]) else { return false }
        let shape = editor.type(editor.graph[node].results[0]).shape
        try editor.replace(node, with: Reshape(shape), inner.operands, absorbing: [inner.node])
        return true
    }
}

/// A transposition behind which, perhaps together with views and others in front of it, all elements lie as they did.
private struct TransposeToView: RewriteRule {
    /// Longer chains are not looked at.
    private static let lengthLimit = 6

    func rewrite(_ node: NodeID, op: Transpose, editor: inout GraphEditor) throws -> Bool {
        var chain = [node]
        var hasReshape = false
        while chain.count <= Self.lengthLimit {
            let source = editor.graph[chain.last!].operands[0]
            guard editor.type(source).elementCount > 0 else { return false }
            // Networks made here say what they mean; their transpositions stay.
            if chain.count == 1 || hasReshape, keepsOrder(chain, from: source, editor) {
                let shape = editor.type(editor.graph[node].results[0]).shape
                try editor.replace(node, with: Reshape(shape), [source], absorbing: Array(chain.dropFirst()))
                return true
            }
            guard let producer = editor.graph.producer(of: source) else { return false }
            let op = editor.graph[producer].op
            guard op is Transpose || op is any ReshapingOp else { return false }
            hasReshape = hasReshape || op is Reshape
            chain.append(producer)
        }
        return false
    }

    private func keepsOrder(_ chain: [NodeID], from source: ValueID, _ editor: GraphEditor) -> Bool {
        var order = ElementOrder(editor.type(source).shape)
        for id in chain.reversed() {
            if let transpose = editor.graph[id].op as? Transpose {
                order.transpose(transpose.permutation)
            } else {
                guard order.reshape(to: editor.type(editor.graph[id].results[0]).shape) else { return false }
            }
        }
        return order.isUnchanged
    }
}

private struct MultiplyToScale: RewriteRule {
    func rewrite(_ node: NodeID, op: Multiply, editor: inout GraphEditor) throws -> Bool {
        guard let (value, factor) = editor.operandAndSplat(node), editor.type(value).elementType == .float32, factor.isFinite else { return false }
        try editor.replace(node, with: Scale(factor: Float(factor)), [value])
        return true
    }
}

/// Quotients by powers of two, which are exact as products.
private struct DivideToScale: RewriteRule {
    func rewrite(_ node: NodeID, op: Binary, editor: inout GraphEditor) throws -> Bool {
        let operands = editor.graph[node].operands
        guard op.function == .divide, let divisor = editor.splat(operands[1]).map(Float.init), divisor.isNormal, divisor.significand == 1,
            (1 / divisor).isNormal, editor.type(operands[0]) == editor.type(editor.graph[node].results[0]),
            editor.type(operands[0]).elementType == .float32
        else { return false }
        try editor.replace(node, with: Scale(factor: 1 / divisor), [operands[0]])
        return true
    }
}

private struct JoinScales: RewriteRule {
    func rewrite(_ node: NodeID, op: Scale, editor: inout GraphEditor) throws -> Bool {
        guard let inner = editor.matchOnlyUsed(Scale.self, making: editor.graph[node].operands[0]) else { return false }
        let factor = op.factor * inner.op.factor
        guard factor.isNormal else { return false }
        try editor.replace(node, with: Scale(factor: factor), inner.operands, absorbing: [inner.node])
        return true
    }
}

private struct RemoveAddOfZero: RewriteRule {
    func rewrite(_ node: NodeID, op: Add, editor: inout GraphEditor) throws -> Bool {
        guard let (value, number) = editor.operandAndSplat(node), number == 0 else { return false }
        editor.replace(node, by: value)
        return true
    }
}
