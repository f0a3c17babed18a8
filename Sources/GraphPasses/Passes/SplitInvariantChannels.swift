import GraphIR
import Operators

/// Takes the part of a convolution that stays the same from step to step out of it, so that it can be computed once.
///
///     %c = concat(%c_img, %z) {axis = 1}
///     %y = conv2d(%c, @weight, @bias) {stride = [1, 1], padding = [1, 1, 1, 1]}
/// becomes, if `z` changes and `c_img` does not,
///     %y.invariant = conv2d(%c_img, @weight, @bias) {..., input_channels = [0, 4]}
///     %y = conv2d(%z, @weight, %y.invariant) {..., input_channels = [4, 8], epilogue = [add_residual]}
///
/// A convolution is linear in its input, so the parts of a concatenation can be added up behind it.
public struct SplitInvariantChannels: GraphPass {
    public static let name = "split_invariant_channels"
    public static let runsAfter: [any Pass.Type] = [AssignLayout.self]

    /// The inputs whose values differ from step to step.
    public var changingInputs: Set<String>

    public init(changingInputs: Set<String>) { self.changingInputs = changingInputs }

    public func run(_ editor: inout GraphEditor, _ recorder: inout RewriteRecorder) throws -> Bool {
        let changing = editor.graph.values(dependingOn: changingInputs)
        var changed = false
        for id in editor.graph.order {
            guard let convolution = editor.fused(Conv2D.self, id), editor.canGrow(convolution), convolution.isPlain, convolution.op.inputChannels == nil,
                let concat = editor.matchOnlyUsed(Concat.self, making: convolution.operands.input), concat.op.axis == 1 || concat.op.axis == -3
            else { continue }
            let rewrote = try recorder.attempt(&editor) { editor in
                var parts: (invariant: Part, changing: Part) = (Part(), Part())
                var start = 0
                for operand in concat.operands {
                    let end = start + editor.type(operand).shape[1]
                    if changing.contains(operand) { parts.changing.append(operand, start, end) } else { parts.invariant.append(operand, start, end) }
                    start = end
                }
                guard !parts.invariant.operands.isEmpty, !parts.changing.operands.isEmpty else { return false }
                let name = editor.graph.name(of: id)
                var share = convolution
                share.op.inputChannels = parts.invariant.bounds
                share.operands.input = try parts.invariant.joined("\(name).invariant.input", &editor)
                let (op, values) = share.assembled()
                var rest = convolution
                rest.op.inputChannels = parts.changing.bounds
                rest.operands.input = try parts.changing.joined("\(name).input", &editor)
                rest.operands.epilogue = []
                rest.append(
                    .addResidual, try editor.insertAfterOperands(op, values, name: "\(name).invariant", origins: editor.origins(of: [id]))[0])
                try editor.replace(id, with: rest, absorbing: [concat.node])
                return true
            }
            changed = changed || rewrote
        }
        return changed
    }

    /// Some of the operands of a concatenation.
    private struct Part {
        var operands: [ValueID] = []
        /// Which channels of the concatenation they are, as pairs of bounds.
        var bounds: [Int] = []

        mutating func append(_ operand: ValueID, _ start: Int, _ end: Int) {
            operands.append(operand)
            if bounds.last == start { bounds[bounds.count - 1] = end } else { bounds += [start, end] }
        }

        func joined(_ name: String, _ editor: inout GraphEditor) throws -> ValueID {
            operands.count == 1 ? operands[0] : try editor.insertAfterOperands(Concat(axis: 1), operands, name: name)[0]
        }
    }
}

extension Graph {
    /// The values that depend on some of the inputs, those included.
    func values(dependingOn names: Set<String>) -> Set<ValueID> {
        var result = Set(inputs.filter { names.contains(self[$0].name) })
        for id in order where self[id].operands.contains(where: result.contains) { result.formUnion(self[id].results) }
        return result
    }
}
