import GraphIR
import Operators

/// Lets convolutions and statistics add two images while they load, rather than read their sum.
///
///     %c = add(%skip, %control)
///     %s, %t = group_statistics(%h, %c, @scale, @bias) {..., prologue = [concat]}
/// becomes
///     %s, %t = group_statistics(%h, %skip, %control, @scale, @bias)
///                  {..., prologue = [concat, add]}
///
/// Only where every reader can. What a convolution or linear layer can add to its result is better added there, once.
public struct ReadSumInPlace: RewritePass {
    public static let name = "read_sum_in_place"
    public static let runsAfter: [any Pass.Type] = [ReadConcatInPlace.self, FuseResidual.self, FuseChannelAddend.self]

    public init() {}

    public func rewrite(_ node: NodeID, op: Add, editor: inout GraphEditor) throws -> Bool {
        let parts = editor.graph[node].operands
        let sum = editor.graph[node].results[0]
        let readers = editor.readers(of: sum)
        guard editor.type(sum).shape.rank == 4, editor.type(sum).layout == .channelsLast, !editor.isOutput(sum), !readers.data.isEmpty,
            parts.allSatisfy({ editor.type($0) == editor.type(sum) })
        else { return false }
        var places: [Int] = []
        for reader in readers.data {
            guard let operands = editor.imageReader(reader.node), operands.all.filter({ $0 == sum }).count == 1,
                let place = operands.images.firstIndex(where: { $0.image == sum && $0.addend == nil && $0.moments == nil })
            else { return false }
            places.append(place)
        }
        editor.redirect(readers.typeOnly, to: parts[0])
        for (reader, place) in zip(readers.data, places) {
            try editor.changeImageReader(reader.node, absorbing: [node]) { operands in
                operands.replaceImage(sum, by: parts[0])
                operands.insertBehindImage(place, .add, parts[1])
            }
        }
        return true
    }
}
