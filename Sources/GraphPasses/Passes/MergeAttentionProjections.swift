import GraphIR
import Operators

/// Makes one linear layer of those for query, key and value, or for key and value.
///
///     %q = linear(%x, @to_q)
///     %k = linear(%x, @to_k)
///     %v = linear(%x, @to_v)
///     %y = attention(%q, %k, %v) {head_size = 64, scale = 0.125, causal = false}
/// becomes
///     %y.query_key_value = linear(%x, @to_q, @to_k, @to_v) {operands = [input, weight, weight, weight]}
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
    private func merge(_ values: ArraySlice<ValueID>, _ editor: GraphEditor) -> (RoledOperands<Linear>, [NodeID])? {
        let linears = values.compactMap { editor.matchOnlyUsed(Linear.self, making: $0) }
        guard linears.count == values.count, linears.allSatisfy(editor.canGrow) else { return nil }
        return Linear.merged(linears).map { ($0, linears.map(\.node)) }
    }
}

extension Linear {
    /// One layer with the weights of several, one behind the other; nil where they differ in more than weights and biases.
    static func merged(_ linears: [Match<Linear>]) -> RoledOperands<Linear>? {
        let all = linears.map { RoledOperands($0) }
        guard var result = all.first else { return nil }
        let common: [Operand] = [.input, .rowScale, .rowBias, .normScale, .normShift]
        for other in all {
            guard other.op.activation == nil, other[.residual] == nil, other[all: .weight].count == 1,
                other.op.epsilon == result.op.epsilon, other.op.prologue == result.op.prologue,
                common.allSatisfy({ other[$0] == result[$0] }), (other[.bias] == nil) == (result[.bias] == nil)
            else { return nil }
        }
        result[all: .weight] = all.flatMap { $0[all: .weight] }
        result[all: .bias] = all.flatMap { $0[all: .bias] }
        return result
    }
}
