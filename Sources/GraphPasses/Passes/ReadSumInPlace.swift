import GraphIR
import Operators

/// Lets convolutions and statistics add two images while they load, rather than read their sum.
///
///     %c = add(%skip, %control)
///     %s, %t = group_statistics(%h, %c, @scale, @bias) {..., operands = [input, second_input, weight, bias]}
/// becomes
///     %s, %t = group_statistics(%h, %skip, %control, @scale, @bias)
///                  {..., operands = [input, second_input, second_input_addend, weight, bias]}
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
        let addendRoles: [Conv2D.Operand: Conv2D.Operand] = [.input: .inputAddend, .secondInput: .secondInputAddend]
        var roles: [(image: Conv2D.Operand, addend: Conv2D.Operand)] = []
        for reader in readers.data {
            guard let operands = editor.imageReader(reader.node), operands.values.filter({ $0 == sum }).count == 1,
                let image = addendRoles.keys.first(where: { operands[$0] == sum }), case let addend = addendRoles[image]!,
                operands[addend] == nil
            else { return false }
            roles.append((image, addend))
        }
        editor.redirect(readers.typeOnly, to: parts[0])
        for (reader, role) in zip(readers.data, roles) {
            try editor.setImageOperands([role.image: parts[0], role.addend: parts[1]], of: reader.node, absorbing: [node])
        }
        return true
    }
}
