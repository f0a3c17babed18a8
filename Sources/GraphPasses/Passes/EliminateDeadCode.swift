import GraphIR

/// Removes nodes whose results nothing reads, and parameters that nothing reads.
///
///     %a = silu(%x)
///     %y = gelu(%x)
///     output y = %y
/// becomes
///     %y = gelu(%x)
///     output y = %y
public struct EliminateDeadCode: GraphPass {
    public static let name = "eliminate_dead_code"

    public init() {}

    public func run(_ editor: inout GraphEditor, _ recorder: inout RewriteRecorder) throws -> Bool {
        var changed = false
        for id in editor.graph.order.reversed() where editor.isUnused(id) {
            if recorder.attempt(
                &editor,
                {
                    $0.erase(id); return true
                })
            {
                changed = true
            }
        }
        if recorder.attempt(&editor, { $0.eraseUnusedParameters() }) { changed = true }
        return changed
    }
}
