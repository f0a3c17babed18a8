import GraphCompiler

/// A pass: makes the op of what other programs say with two.
///
///     %r = unary(%x) {function = relu}
///     %y = multiply(%r, %r)
/// becomes
///     %y = squared_relu(%x)
struct FuseSquaredReLU: RewritePass {
    static let name = "fuse_squared_relu"
    static let runsAfter: [any Pass.Type] = [Canonicalize.self]

    func rewrite(_ node: NodeID, op: Multiply, editor: inout GraphEditor) throws -> Bool {
        let factors = editor.graph[node].operands
        guard factors[0] == factors[1], let relu = editor.match(Unary.self, making: factors[0]), relu.op.function == .relu,
            editor.type(relu.operands[0]).elementType == .float32
        else { return false }
        try editor.replace(node, with: SquaredReLU(), relu.operands, absorbing: [relu.node])
        return true
    }
}
