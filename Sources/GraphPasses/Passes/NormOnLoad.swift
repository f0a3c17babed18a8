import GraphIR
import Operators

/// Leaves it to the convolutions and linear layers behind a norm to apply it while they load.
///
///     %n = group_norm(%x, @scale, @bias) {groups = 32, epsilon = 1e-05, activation = silu}
///     %y = conv2d(%n, @weight, @b) {stride = [1, 1], padding = [1, 1, 1, 1]}
/// becomes
///     %s, %t = group_statistics(%x, @scale, @bias) {groups = 32, epsilon = 1e-05}
///     %y = conv2d(%x, @weight, @b, %s, %t) {stride = [1, 1], padding = [1, 1, 1, 1], prologue = silu,
///                                           operands = [input, weight, bias, norm_scale, norm_shift]}
///
/// and likewise for linear layers on the image's tokens. A layer norm needs no statistics of its own:
///
///     %n = layer_norm(%x, @scale, @bias) {epsilon = 1e-05}
///     %y = linear(%n, @weight)
/// becomes
///     %y = linear(%x, @weight, @scale, @bias) {epsilon = 1e-05, operands = [input, weight, row_scale, row_bias]}
///
/// Only where every reader of the norm can do so; otherwise the norm would be computed as well.
public struct NormOnLoad: RuleSetPass {
    public static let name = "norm_on_load"
    public static let runsAfter: [any Pass.Type] = [
        AssignLayout.self, FuseGroupNormSiLU.self, FoldUpsampling.self, PointwiseConvolutionToLinear.self, EraseTrivialWindows.self,
    ]

    public init() {}

    public var rules: [any RewriteRule] { [GroupNormOnLoad(), LayerNormOnLoad()] }

    private struct GroupNormOnLoad: RewriteRule {
        func rewrite(_ node: NodeID, op: GroupNorm, editor: inout GraphEditor) throws -> Bool {
            let operands = editor.graph[node].operands
            let (image, norm) = (operands[0], editor.graph[node].results[0])
            let readers = editor.readers(of: norm)
            guard editor.type(image).shape.rank == 4, editor.type(image).layout == .channelsLast,
                op.activation == nil || op.activation == .silu, !editor.isOutput(norm), !readers.data.isEmpty,
                editor.canRedirect(readers.typeOnly, to: image)
            else { return false }
            var convolutions: [Match<Conv2D>] = []
            var tokens: [Match<TokensFromImage>] = []
            var linears: [Match<Linear>] = []
            for reader in readers.data {
                if let convolution = editor.match(Conv2D.self, reader.node) {
                    let roled = RoledOperands(convolution)
                    guard roled[.input] == norm, convolution.operands.filter({ $0 == norm }).count == 1, convolution.op.prologue == nil,
                        editor.canGrow(convolution),
                        roled.roles.isDisjoint(with: [.secondInput, .inputAddend, .normScale, .normShift])
                    else { return false }
                    convolutions.append(convolution)
                } else if let view = editor.match(TokensFromImage.self, reader.node) {
                    guard let behind = linearsReading(view.result, editor) else { return false }
                    tokens.append(view)
                    linears += behind
                } else {
                    return false
                }
            }
            let name = editor.graph.name(of: node)
            let statistics = try editor.insert(
                GroupStatistics(groups: op.groups, epsilon: op.epsilon), operands, before: node, name: "\(name).statistics",
                origins: editor.origins(of: [node]))
            editor.rename(statistics[0], to: "\(name).scale")
            editor.rename(statistics[1], to: "\(name).shift")
            editor.redirect(readers.typeOnly, to: image)
            for convolution in convolutions {
                var roled = RoledOperands(convolution)
                roled[.input] = image
                roled[.normScale] = statistics[0]
                roled[.normShift] = statistics[1]
                roled.op.prologue = op.activation
                try editor.replace(convolution.node, with: roled, absorbing: [node])
            }
            for linear in linears {
                var roled = RoledOperands(linear)
                roled[.normScale] = statistics[0]
                roled[.normShift] = statistics[1]
                roled.op.prologue = op.activation
                try editor.replace(linear.node, with: roled, absorbing: [node])
            }
            for view in tokens { editor.setOperand(0, of: view.node, to: image) }
            editor.eraseUnused([node])
            return true
        }
    }

    private struct LayerNormOnLoad: RewriteRule {
        func rewrite(_ node: NodeID, op: LayerNorm, editor: inout GraphEditor) throws -> Bool {
            let operands = editor.graph[node].operands
            guard let linears = linearsReading(editor.graph[node].results[0], editor) else { return false }
            for linear in linears {
                var roled = RoledOperands(linear)
                roled[.input] = operands[0]
                roled[.rowScale] = operands[1]
                roled[.rowBias] = operands[2]
                roled.op.epsilon = op.epsilon
                try editor.replace(linear.node, with: roled, absorbing: [node])
            }
            return true
        }
    }

    /// The linear layers that read a value, if nothing else does and all of them have room for a norm.
    private static func linearsReading(_ value: ValueID, _ editor: GraphEditor) -> [Match<Linear>]? {
        let readers = editor.readers(of: value)
        guard !editor.isOutput(value), !readers.data.isEmpty, readers.typeOnly.isEmpty else { return nil }
        var linears: [Match<Linear>] = []
        for reader in readers.data {
            guard let linear = editor.match(Linear.self, reader.node), editor.canGrow(linear), case let roled = RoledOperands(linear), roled[.input] == value,
                linear.operands.filter({ $0 == value }).count == 1, linear.op.prologue == nil,
                roled.roles.isDisjoint(with: [.rowScale, .rowBias, .normScale, .normShift])
            else { return nil }
            linears.append(linear)
        }
        return linears
    }
}
