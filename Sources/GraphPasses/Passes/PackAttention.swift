import GraphIR
import Operators

/// Lets attention read query, key and value where they lie side by side in one tensor.
///
///     %q, %k, %v = split(%qkv) {axis = 2, parts = 3}
///     %y = attention(%q, %k, %v) {head_size = 64, scale = 0.125, causal = true}
/// becomes
///     %y = attention(%qkv) {head_size = 64, scale = 0.125, causal = true, packing = query_key_value}
public struct PackAttention: RewritePass {
    public static let name = "pack_attention"
    public static let runsAfter: [any Pass.Type] = [FuseAttention.self]

    public init() {}

    public func rewrite(_ node: NodeID, op: Attention, editor: inout GraphEditor) throws -> Bool {
        guard op.packing == nil else { return false }
        let operands = editor.graph[node].operands
        for packing in [Attention.Packing.queryKeyValue, .keyValue] {
            let parts = Array(operands.suffix(packing == .queryKeyValue ? 3 : 2))
            guard let split = editor.match(Split.self, making: parts[0]), split.op.axis == 2 || split.op.axis == -1,
                split.op.sizes == nil, split.results == parts, parts.allSatisfy({ editor.onlyUser(of: $0) != nil })
            else { continue }
            var packed = op
            packed.packing = packing
            try editor.replace(node, with: packed, operands.dropLast(parts.count) + split.operands, absorbing: [split.node])
            return true
        }
        return false
    }
}
