import GraphIR
import Operators

/// Lets convolutions and statistics read two images side by side, rather than a concatenation of them.
///
///     %c = concat(%a, %b) {axis = 1}
///     %s, %t = group_statistics(%c, @scale, @bias) {groups = 32, epsilon = 1e-05}
///     %y = conv2d(%c, @weight, @bias) {stride = [1, 1], padding = [1, 1, 1, 1]}
/// becomes
///     %s, %t = group_statistics(%a, %b, @scale, @bias) {..., prologue = [concat]}
///     %y = conv2d(%a, %b, @weight, @bias) {..., prologue = [concat]}
///
/// Only where every reader can.
public struct ReadConcatInPlace: RewritePass {
    public static let name = "read_concat_in_place"
    public static let runsAfter: [any Pass.Type] = [AssignLayout.self, NormOnLoad.self]

    public init() {}

    public func rewrite(_ node: NodeID, op: Concat, editor: inout GraphEditor) throws -> Bool {
        let parts = editor.graph[node].operands
        let joined = editor.graph[node].results[0]
        let readers = editor.readers(of: joined)
        guard op.axis == 1 || op.axis == -3, parts.count == 2, editor.type(joined).shape.rank == 4,
            editor.type(joined).layout == .channelsLast, !editor.isOutput(joined), !readers.data.isEmpty,
            editor.canRedirect(readers.typeOnly, to: parts[0])
        else { return false }
        for reader in readers.data {
            guard let operands = editor.imageReader(reader.node), operands.input == joined, operands.all.filter({ $0 == joined }).count == 1,
                operands.images.count == 1, operands.images[0].addend == nil, operands.images[0].moments == nil
            else { return false }
        }
        editor.redirect(readers.typeOnly, to: parts[0])
        for reader in readers.data {
            try editor.changeImageReader(reader.node, absorbing: [node]) { operands in
                operands.input = parts[0]
                operands.prologue.insert((.concat, [parts[1]]), at: 0)
            }
        }
        return true
    }
}
