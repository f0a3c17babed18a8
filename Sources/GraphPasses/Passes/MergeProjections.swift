import GraphIR
import Operators
import Tensors

/// Makes one linear layer of all that read the same single row, such as the projections of a time embedding.
///
///     %a = linear(%e, @a.weight, @a.bias) : f32[1, 320]
///     %b = linear(%e, @b.weight, @b.bias) : f32[1, 640]
/// becomes
///     %e.projections = linear(%e, @a.weight, @b.weight, @a.bias, @b.bias) {weights = 2} : f32[1, 960]
///     %a, %b = split(%e.projections) {axis = 1, parts = 2, sizes = [320, 640]} : f32[1, 320], f32[1, 640]
///
/// Parts of a single row are views as long as each is a whole number of cache lines; other layers are left alone.
public struct MergeProjections: RewritePass {
    public static let name = "merge_projections"
    public static let runsAfter: [any Pass.Type] = [
        FuseActivation.self, FuseBias.self, FuseResidual.self, NormOnLoad.self, MergeAttentionProjections.self,
    ]

    public init() {}

    public func rewrite(_ node: NodeID, op: Linear, editor: inout GraphEditor) throws -> Bool {
        guard let first = editor.fused(Linear.self, node), isCandidate(first, editor) else { return false }
        let input = first.operands.input
        var seen: Set<NodeID> = []
        let linears = editor.uses(of: input).filter { seen.insert($0).inserted }.sorted { editor.position(of: $0) < editor.position(of: $1) }
            .compactMap { editor.fused(Linear.self, $0) }.filter { isCandidate($0, editor) && Linear.merged([first, $0]) != nil }
        // Each group is merged where its first layer stands, for there all that they share is made.
        guard linears.count > 1, linears[0].node == node, let (merged, values) = Linear.merged(linears)?.assembled() else { return false }
        let name = "\(editor.graph[input].name).projections"
        let wide = try editor.insert(merged, values, before: node, name: name, origins: editor.origins(of: linears.map(\.node)))[0]
        let split = Split(axis: editor.type(wide).shape.rank - 1, sizes: linears.map { editor.type($0.results[0]).shape[-1] })
        let parts = try editor.insert(split, [wide], before: node, name: "\(name).part")
        for (linear, part) in zip(linears, parts) {
            let name = editor.graph.name(of: linear.node)
            editor.replaceUses(of: linear.results[0], with: part)
            editor.erase(linear.node)
            editor.rename(part, to: name)
        }
        return true
    }

    private func isCandidate(_ linear: FusedNode<Linear>, _ editor: GraphEditor) -> Bool {
        let type = editor.type(linear.results[0])
        return editor.canGrow(linear) && type.elementCount == type.shape[-1] && type.byteCount % Storage.alignment == 0 && Linear.merged([linear]) != nil
    }
}
