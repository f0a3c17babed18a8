import GraphIR
import Operators
import Tensors

/// Raises norms from what exporters make of them.
///
///     %g = reshape(%x) {shape = [1, 32, 4096]}
///     %n = group_norm(%g, %ones, %zeros) {groups = 32, epsilon = 1e-05}
///     %i = reshape(%n) {shape = [1, 64, 32, 64]}
///     %m = multiply(%i, %scale)
///     %y = add(%m, %bias)
/// where scale and bias are views [64, 1, 1] of parameters, becomes
///     %y = group_norm(%x, @scale, @bias) {groups = 32, epsilon = 1e-05}
///
/// and
///
///     %m = reduce(%x) {function = mean, axes = [2], keeps_dimensions = true}
///     %c = binary(%x, %m) {function = subtract}
///     %p = binary(%c, %two) {function = power}
///     %v = reduce(%p) {function = mean, axes = [2], keeps_dimensions = true}
///     %e = add(%v, %epsilon)
///     %s = unary(%e) {function = sqrt}
///     %n = binary(%c, %s) {function = divide}
///     %w = multiply(%n, @scale)
///     %y = add(%w, @bias)
/// becomes
///     %y = layer_norm(%x, @scale, @bias) {epsilon = 1e-05}
///
/// Where such an %n of a view of an image is that image's groups, it becomes a group norm by ones and zeros first.
public struct RaiseNorms: RuleSetPass {
    public static let name = "raise_norms"
    public static let runsAfter: [any Pass.Type] = [Canonicalize.self, EliminateCommonSubexpressions.self]

    public init() {}

    public var rules: [any RewriteRule] { [RaiseGroupNorm(), RaiseLayerNorm(), RaiseGroups()] }

    private struct RaiseGroupNorm: RewriteRule {
        func rewrite(_ node: NodeID, op: Add, editor: inout GraphEditor) throws -> Bool {
            let type = editor.type(editor.graph[node].results[0])
            guard type.shape.rank >= 3, case let channels = type.shape[1], let affine = editor.matchAffine(node, channels: channels, axis: 1),
                let back = editor.matchView(making: affine.value), editor.onlyUser(of: back.operand) != nil,
                let norm = editor.match(GroupNorm.self, making: back.operand), norm.op.activation == nil,
                editor.splat(norm.operands[1]) == 1, editor.splat(norm.operands[2]) == 0,
                case let image = editor.viewed(norm.operands[0], as: type), let image, case let groups = norm.op.groups,
                channels % groups == 0, case let grouped = editor.type(norm.operands[0]).shape, grouped[0] == type.shape[0], grouped[1] == groups
            else { return false }
            let raised = GroupNorm(groups: groups, epsilon: norm.op.epsilon)
            try editor.replace(
                node, with: raised, [image, affine.scale, affine.bias],
                absorbing: affine.nodes + [back.node, norm.node] + editor.viewNodes(from: image, to: norm.operands[0]))
            return true
        }
    }

    private struct RaiseLayerNorm: RewriteRule {
        func rewrite(_ node: NodeID, op: Add, editor: inout GraphEditor) throws -> Bool {
            let type = editor.type(editor.graph[node].results[0])
            guard type.shape.rank >= 1, let affine = editor.matchAffine(node, channels: type.shape[-1], axis: type.shape.rank - 1),
                let standard = editor.matchStandardized(affine.value), editor.type(standard.input) == type
            else { return false }
            try editor.replace(
                node, with: LayerNorm(epsilon: standard.epsilon), [standard.input, affine.scale, affine.bias], absorbing: affine.nodes + standard.nodes)
            return true
        }
    }

    /// Standardised groups of an image's channels.
    private struct RaiseGroups: RewriteRule {
        func rewrite(_ node: NodeID, op: Binary, editor: inout GraphEditor) throws -> Bool {
            let result = editor.graph[node].results[0]
            let shape = editor.type(result).shape
            guard op.function == .divide, shape.rank == 3, let standard = editor.matchStandardized(result),
                let view = editor.matchView(making: standard.input), case let image = editor.type(view.operand).shape, image.rank == 4,
                image[0] == shape[0], shape[1] > 0, image[1] % shape[1] == 0
            else { return false }
            let name = editor.graph.name(of: node)
            let ones = try editor.insert(Constant(.float32, [shape[1]], [1]), [], before: node, name: "\(name).ones")[0]
            let zeros = try editor.insert(Constant(.float32, [shape[1]], [0]), [], before: node, name: "\(name).zeros")[0]
            try editor.replace(
                node, with: GroupNorm(groups: shape[1], epsilon: standard.epsilon), [standard.input, ones, zeros],
                absorbing: standard.nodes.filter { $0 != node })
            return true
        }
    }
}

extension GraphEditor {
    /// `value scale[c] + bias[c]`, with the channels along an axis.
    fileprivate func matchAffine(_ node: NodeID, channels: Int, axis: Int) -> (value: ValueID, scale: ValueID, bias: ValueID, nodes: [NodeID])? {
        let type = type(graph[node].results[0])
        let fromEnd = type.shape.rank - axis
        guard type.elementType == .float32, type.layout == .rowMajor else { return nil }
        for (sum, addend) in [(0, 1), (1, 0)].map({ (graph[node].operands[$0], graph[node].operands[$1]) }) {
            guard let bias = channelVector(addend, count: channels, axisFromEnd: fromEnd), let product = matchOnlyUsed(Multiply.self, making: sum)
            else { continue }
            for (value, factor) in [(0, 1), (1, 0)].map({ (product.operands[$0], product.operands[$1]) }) {
                guard self.type(value) == type, onlyUser(of: value) != nil,
                    let scale = channelVector(factor, count: channels, axisFromEnd: fromEnd)
                else { continue }
                return (value, scale, bias, [product.node] + viewNodes(from: scale, to: factor) + viewNodes(from: bias, to: addend))
            }
        }
        return nil
    }

    /// `(x - mean) / sqrt(variance + epsilon)` along the last axis.
    fileprivate func matchStandardized(_ value: ValueID) -> (input: ValueID, epsilon: Float, nodes: [NodeID])? {
        guard let quotient = match(Binary.self, making: value), quotient.op.function == .divide,
            let root = match(Unary.self, making: quotient.operands[1]), root.op.function == .sqrt,
            let sum = match(Add.self, making: root.operands[0]), let (variance, epsilon) = operandAndSplat(sum.node), epsilon > 0,
            let mean = matchMean(variance), let square = matchSquare(mean.operand), square.operand == quotient.operands[0],
            let difference = match(Binary.self, making: quotient.operands[0]), difference.op.function == .subtract,
            let centre = matchMean(difference.operands[1]), centre.operand == difference.operands[0],
            type(centre.operand) == type(value), type(value).elementType == .float32
        else { return nil }
        return (centre.operand, Float(epsilon), [quotient.node, root.node, sum.node, mean.node, square.node, difference.node, centre.node])
    }

    /// The mean along the last axis, which stays.
    private func matchMean(_ value: ValueID) -> (operand: ValueID, node: NodeID)? {
        guard let reduce = match(Reduce.self, making: value), reduce.op.function == .mean, reduce.op.keepsDimensions,
            reduce.op.axes == [-1] || reduce.op.axes == [type(value).shape.rank - 1]
        else { return nil }
        return (reduce.operands[0], reduce.node)
    }

    private func matchSquare(_ value: ValueID) -> (operand: ValueID, node: NodeID)? {
        if let power = match(Binary.self, making: value), power.op.function == .power, splat(power.operands[1]) == 2,
            type(power.operands[0]) == type(value)
        {
            return (power.operands[0], power.node)
        }
        guard let product = match(Multiply.self, making: value), product.operands[0] == product.operands[1] else { return nil }
        return (product.operands[0], product.node)
    }

    /// The value of that type of which another one is a view.
    fileprivate func viewed(_ value: ValueID, as type: TensorType) -> ValueID? {
        var value = value
        while self.type(value) != type {
            guard let view = matchView(making: value) else { return nil }
            value = view.operand
        }
        return value
    }
}
