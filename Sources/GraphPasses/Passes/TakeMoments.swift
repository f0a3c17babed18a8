import GraphIR
import Operators

/// Lets convolutions and linear layers take the mean and the variance of their results' channels while they write them, where a group
/// norm follows: its statistics then need not read the image.
///
///     %x = conv2d(%i, @weight, @b) {stride = [1, 1], padding = [1, 1, 1, 1]}
///     %s, %t = group_statistics(%x, @scale, @bias) {groups = 32, epsilon = 1e-05}
/// becomes
///     %x, %x.moments = conv2d(%i, @weight, @b) {stride = [1, 1], padding = [1, 1, 1, 1], epilogue = [add_bias, take_moments]}
///     %s, %t = group_statistics(%x, %x.moments, @scale, @bias) {..., prologue = [moments]}
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
        var values: [(image: Int, moments: ValueID)] = []
        // An image's node is replaced by the one that takes its moments, so what is read is looked up again for each.
        for index in op.fusedOperands(editor.graph[node].operands)!.images.indices {
            let image = editor.fused(GroupStatistics.self, node)!.operands.images[index]
            guard image.addend == nil, image.moments == nil, let moments = try moments(of: image.image, &editor) else { continue }
            values.append((index, moments))
        }
        guard !values.isEmpty else { return false }
        var statistics = editor.fused(GroupStatistics.self, node)!
        for (index, moments) in values.reversed() { statistics.operands.insertBehindImage(index, .moments, moments) }
        try editor.replace(node, with: statistics)
        return true
    }

    /// The moments of an image, from the node that makes it; nil where that cannot take them.
    private func moments(of image: ValueID, _ editor: inout GraphEditor) throws -> ValueID? {
        if let convolution = editor.match(Conv2D.self, making: image) { return try moments(of: FusedNode(convolution), &editor) }
        guard let view = editor.match(ImageFromTokens.self, making: image), let linear = editor.match(Linear.self, making: view.operands[0]) else { return nil }
        return try moments(of: FusedNode(linear), &editor)
    }

    private func moments<T>(of layer: FusedNode<T>, _ editor: inout GraphEditor) throws -> ValueID? {
        guard editor.canGrow(layer) else { return nil }
        if layer.results.count > 1 { return layer.results[1] }
        var layer = layer
        let name = editor.graph[layer.results[0]].name
        layer.append(.takeMoments)
        let results = try editor.replace(layer.node, with: layer)
        editor.rename(results[1], to: "\(name).moments")
        return results[1]
    }
}
