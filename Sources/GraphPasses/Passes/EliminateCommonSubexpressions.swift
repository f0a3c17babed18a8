import GraphIR
import Operators

/// Computes once what several nodes compute from the same operands.
///
///     %a = silu(%e)
///     %b = silu(%e)
///     %y = add(%a, %b)
/// becomes
///     %a = silu(%e)
///     %y = add(%a, %a)
///
/// Sums and products are the same in either order of their operands.
public struct EliminateCommonSubexpressions: GraphPass {
    public static let name = "eliminate_common_subexpressions"

    public init() {}

    private struct Key: Hashable {
        let kind: ObjectIdentifier
        let operands: [ValueID]
    }

    public func run(_ editor: inout GraphEditor, _ recorder: inout RewriteRecorder) throws -> Bool {
        var known: [Key: [NodeID]] = [:]
        var changed = false
        for id in editor.graph.order {
            let node = editor.graph[id]
            let key = Key(kind: ObjectIdentifier(type(of: node.op)), operands: node.op.isCommutative ? node.operands.sorted() : node.operands)
            guard let earlier = known[key]?.first(where: { editor.graph[$0].op.isEqual(to: node.op) }) else {
                known[key, default: []].append(id)
                continue
            }
            let rewrote = recorder.attempt(&editor) { editor in
                guard editor.graph.resultTypes(editor.graph[earlier]) == editor.graph.resultTypes(node) else { return false }
                editor.addOrigins(of: id, to: earlier)
                for (old, new) in zip(node.results, editor.graph[earlier].results) { editor.replaceUses(of: old, with: new) }
                editor.erase(id)
                return true
            }
            changed = changed || rewrote
        }
        return changed
    }
}
