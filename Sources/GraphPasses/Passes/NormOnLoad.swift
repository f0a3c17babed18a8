import GraphIR
import Operators

/// Leaves it to the convolutions and linear layers behind a norm to apply it while they load.
///
///     %n = group_norm(%x, @scale, @bias) {groups = 32, epsilon = 1e-05, activation = silu}
///     %y = conv2d(%n, @weight, @b) {stride = [1, 1], padding = [1, 1, 1, 1]}
/// becomes
///     %s, %t = group_statistics(%x, @scale, @bias) {groups = 32, epsilon = 1e-05}
///     %y = conv2d(%x, %s, %t, @weight, @b) {stride = [1, 1], padding = [1, 1, 1, 1], prologue = [scale_shift, silu]}
///
/// and likewise for linear layers on the image's tokens. A layer norm needs no statistics of its own:
///
///     %n = layer_norm(%x, @scale, @bias) {epsilon = 1e-05}
///     %y = linear(%n, @weight)
/// becomes
///     %y = linear(%x, @scale, @bias, @weight) {epsilon = 1e-05, prologue = [layer_norm]}
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
                !editor.isOutput(norm), !readers.data.isEmpty,
                editor.canRedirect(readers.typeOnly, to: image)
            else { return false }
            var convolutions: [FusedNode<Conv2D>] = []
            var tokens: [Match<TokensFromImage>] = []
            var linears: [FusedNode<Linear>] = []
            for reader in readers.data {
                if let convolution = editor.fused(Conv2D.self, reader.node) {
                    guard convolution.operands.input == norm, convolution.operands.all.filter({ $0 == norm }).count == 1,
                        convolution.prologue.isEmpty, editor.canGrow(convolution)
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
            let prologue = [(step: PrologueStep.scaleShift, operands: statistics)] + (op.activation == nil ? [] : [(step: .silu, operands: [])])
            for var convolution in convolutions {
                convolution.operands.input = image
                convolution.operands.prologue = prologue
                try editor.replace(convolution.node, with: convolution, absorbing: [node])
            }
            for var linear in linears {
                linear.operands.prologue = prologue
                try editor.replace(linear.node, with: linear, absorbing: [node])
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
            for var linear in linears {
                linear.operands.input = operands[0]
                linear.operands.prologue = [(.layerNorm, [operands[1], operands[2]])]
                linear.op.epsilon = op.epsilon
                try editor.replace(linear.node, with: linear, absorbing: [node])
            }
            return true
        }
    }

    /// The linear layers that read a value, if nothing else does and all of them have room for a norm.
    private static func linearsReading(_ value: ValueID, _ editor: GraphEditor) -> [FusedNode<Linear>]? {
        let readers = editor.readers(of: value)
        guard !editor.isOutput(value), !readers.data.isEmpty, readers.typeOnly.isEmpty else { return nil }
        var linears: [FusedNode<Linear>] = []
        for reader in readers.data {
            guard let linear = editor.fused(Linear.self, reader.node), editor.canGrow(linear), linear.operands.input == value,
                linear.operands.all.filter({ $0 == value }).count == 1, linear.prologue.isEmpty
            else { return nil }
            linears.append(linear)
        }
        return linears
    }
}
