import GraphIR
import Operators

/// Lets convolutions and linear layers take the mean and the variance of their results' channels while they write them, where a group
/// norm follows: its statistics then need not read the image.
///
///     %x = conv2d(%i, @weight, @b) {stride = [1, 1], padding = [1, 1, 1, 1]}
///     %s, %t = group_statistics(%x, @scale, @bias) {groups = 32, epsilon = 1e-05}
/// becomes
///     %x, %x.moments = conv2d(%i, @weight, @b) {stride = [1, 1], padding = [1, 1, 1, 1], moments = true}
///     %s, %t = group_statistics(%x, @scale, @bias, %x.moments) {..., operands = [input, weight, bias, moments]}
///
/// and likewise behind a linear layer whose tokens become the image. Of two images side by side each is taken for itself; one that is
/// a sum of two is read as before.
public struct TakeMoments: RewritePass {
    public static let name = "take_moments"
    public static let runsAfter: [any Pass.Type] = [
        NormOnLoad.self, ReadConcatInPlace.self, ReadSumInPlace.self, FuseResidual.self, FuseChannelAddend.self, FuseActivation.self,
        PointwiseConvolutionToLinear.self, MergeProjections.self,
    ]

    public init() {}

    public func rewrite(_ node: NodeID, op: GroupStatistics, editor: inout GraphEditor) throws -> Bool {
        let sources: [(image: Conv2D.Operand, addend: Conv2D.Operand, moments: Conv2D.Operand)] = [
            (.input, .inputAddend, .moments), (.secondInput, .secondInputAddend, .secondMoments),
        ]
        var taken: [Conv2D.Operand: ValueID] = [:]
        for source in sources {
            let statistics = RoledOperands(op, editor.graph[node].operands)
            guard let image = statistics[source.image], statistics[source.addend] == nil, statistics[source.moments] == nil else { continue }
            taken[source.moments] = try moments(of: image, &editor)
        }
        guard !taken.isEmpty else { return false }
        var statistics = RoledOperands(op, editor.graph[node].operands)
        for (role, moments) in taken { statistics[role] = moments }
        try editor.replace(node, with: statistics)
        return true
    }

    /// The moments of an image, from the node that makes it; nil where that cannot take them.
    private func moments(of image: ValueID, _ editor: inout GraphEditor) throws -> ValueID? {
        if let match = editor.match(Conv2D.self, making: image) {
            guard editor.canGrow(match) else { return nil }
            var op = match.op
            op.moments = true
            return try moments(of: match, as: op, &editor)
        }
        guard let view = editor.match(ImageFromTokens.self, making: image), let match = editor.match(Linear.self, making: view.operands[0]),
            editor.canGrow(match)
        else { return nil }
        var op = match.op
        op.moments = true
        return try moments(of: match, as: op, &editor)
    }

    private func moments<T: Op>(of match: Match<T>, as op: T, _ editor: inout GraphEditor) throws -> ValueID {
        if match.results.count > 1 { return match.results[1] }
        let name = editor.graph[match.result].name
        let results = try editor.replace(match.node, with: op, match.operands)
        editor.rename(results[1], to: "\(name).moments")
        return results[1]
    }
}
