import GraphIR
import Operators

/// Removes the cutting into windows, and the putting together, of images that are a single window.
///
///     %w = window_partition(%x) {size = 64} : f32[1, 320, 64, 64]
///     %y = window_merge(%w, %x) {size = 64} : f32[1, 320, 64, 64]
///     %z = silu(%y) : f32[1, 320, 64, 64]
/// becomes
///     %z = silu(%x) : f32[1, 320, 64, 64]
///
/// The one pass whose result holds for the size of the graph only: for other sizes, optimise the imported graph again.
public struct EraseTrivialWindows: RuleSetPass {
    public static let name = "erase_trivial_windows"

    public init() {}

    public var rules: [any RewriteRule] { [EraseTrivialPartition(), EraseTrivialMerge()] }
}

private struct EraseTrivialPartition: RewriteRule {
    func rewrite(_ node: NodeID, op: WindowPartition, editor: inout GraphEditor) throws -> Bool {
        let image = editor.graph[node].operands[0]
        guard editor.type(image) == editor.type(editor.graph[node].results[0]) else { return false }
        editor.replace(node, by: image)
        return true
    }
}

private struct EraseTrivialMerge: RewriteRule {
    func rewrite(_ node: NodeID, op: WindowMerge, editor: inout GraphEditor) throws -> Bool {
        let windows = editor.graph[node].operands[0]
        guard editor.type(windows) == editor.type(editor.graph[node].results[0]) else { return false }
        editor.replace(node, by: windows)
        return true
    }
}
