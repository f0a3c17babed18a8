import GraphIR
import Operators

/// Makes one linear layer of those for query, key and value, or for key and value.
///
///     %q = linear(%x, @to_q)
///     %k = linear(%x, @to_k)
///     %v = linear(%x, @to_v)
///     %y = attention(%q, %k, %v) {head_size = 64, scale = 0.125, causal = false}
/// becomes
///     %y.query_key_value = linear(%x, @to_q, @to_k, @to_v) {weights = 3}
///     %y = attention(%y.query_key_value) {head_size = 64, scale = 0.125, causal = false, packing = query_key_value}
///
/// Where the query comes from elsewhere, key and value are merged: `packing = key_value`.
public struct MergeAttentionProjections: RewritePass {
    public static let name = "merge_attention_projections"
    public static let runsAfter: [any Pass.Type] = [FuseAttention.self, NormOnLoad.self, FuseBias.self, PointwiseConvolutionToLinear.self]

    public init() {}

    public func rewrite(_ node: NodeID, op: Attention, editor: inout GraphEditor) throws -> Bool {
        guard op.packing == nil else { return false }
        let operands = editor.graph[node].operands
        for packing in [Attention.Packing.queryKeyValue, .keyValue] {
            let count = packing == .queryKeyValue ? 3 : 2
            guard let (merged, absorbed) = merge(operands.suffix(count), editor) else { continue }
            let (linear, values) = merged.assembled()
            let name = "\(editor.graph.name(of: node)).\(packing.rawValue)"
            let packed = try editor.insert(linear, values, from: absorbed[0], name: name, origins: editor.origins(of: absorbed))
            var attention = op
            attention.packing = packing
            try editor.replace(node, with: attention, operands.dropLast(count) + packed)
            editor.eraseUnused(absorbed)
            return true
        }
        return false
    }

    /// One linear layer for several values, if all are made by linear layers that differ in weights and biases only.
    private func merge(_ values: ArraySlice<ValueID>, _ editor: GraphEditor) -> (FusedNode<Linear>, [NodeID])? {
        let linears = values.compactMap { editor.matchOnlyUsed(Linear.self, making: $0).map(FusedNode.init) }
        guard linears.count == values.count, linears.allSatisfy({ editor.canGrow($0) }) else { return nil }
        return Linear.merged(linears).map { ($0, linears.map(\.node)) }
    }
}

extension Linear {
    /// One layer with the weights of several, one behind the other; nil where they differ in more than weights and biases.
    static func merged(_ linears: [FusedNode<Linear>]) -> FusedNode<Linear>? {
        guard var result = linears.first else { return nil }
        let first = result
        for other in linears {
            guard other.operands.weights.count == 1, other.op.epsilon == first.op.epsilon, other.operands.input == first.operands.input,
                other.prologue == first.prologue, other.operands.prologue.map(\.operands) == first.operands.prologue.map(\.operands),
                other.epilogue == first.epilogue, Set(other.epilogue).isSubset(of: [.addBias])
            else { return nil }
        }
        result.operands.weights = linears.flatMap(\.operands.weights)
        if !first.epilogue.isEmpty { result.operands.epilogue = [(.addBias, linears.flatMap { $0.operands[.addBias]! })] }
        result.op.weights = linears.count == 1 ? nil : linears.count
        return result
    }
}
