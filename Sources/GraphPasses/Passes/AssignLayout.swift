import GraphIR
import Operators
import Tensors

/// Gives images the channels-last layout, in which a row of pixels is a row of tokens.
///
///     input %x : f32[1, 4, 64, 64]
///     %y = silu(%x) : f32[1, 4, 64, 64]
///     output y = %y
/// becomes
///     input %x : f32[1, 4, 64, 64]
///     %x.channels_last = convert_layout(%x) {layout = channels_last} : f32[1, 4, 64, 64]@channels_last
///     %y = silu(%x.channels_last) : f32[1, 4, 64, 64]@channels_last
///     %y.row_major = convert_layout(%y) {layout = row_major} : f32[1, 4, 64, 64]
///     output y = %y.row_major
///
/// Everything between follows by inference. A node that cannot read images of that layout (an unfold, say, or a convolution in
/// groups, with dilation or with unequal strides, for which there is no such kernel) has its operands converted back.
public struct AssignLayout: GraphPass {
    public static let name = "assign_layout"
    /// What these raise is written on row-major images.
    public static let runsAfter: [any Pass.Type] = [FuseUnfoldDot.self, FuseAttention.self]

    public init() {}

    public func run(_ editor: inout GraphEditor, _ recorder: inout RewriteRecorder) throws -> Bool {
        try recorder.attempt(&editor) { editor in
            var assignment = Assignment(outputTypes: editor.graph.outputs.map { editor.type($0.value) })
            for id in editor.graph.order { try assignment.visit(id, &editor) }
            try assignment.restoreOutputs(&editor)
            return assignment.changed
        }
    }

    private struct Assignment {
        let outputTypes: [TensorType]
        var changed = false
        /// Conversions that were made, by operand and layout.
        var converted: [Layout: [ValueID: ValueID]] = [:]

        mutating func visit(_ id: NodeID, _ editor: inout GraphEditor) throws {
            let node = editor.graph[id]
            guard !(node.op is ConvertLayout) else { return }
            let types = editor.graph.operandTypes(node)
            let readsImages = zip(node.operands, types).contains { $1.layout == .channelsLast || isImageInput($0, editor) }
            // A convolution's operand is an image wherever it comes from.
            guard readsImages || node.op is Conv2D else { return try inferAgain(id, &editor) }
            let rowMajorOnly = editor.fused(Conv2D.self, id).map { !editor.hasChannelsLastKernel($0.op, weight: $0.operands.weights[0]) } ?? false
            // What lies the same way in both layouts goes with either, unless an op insists on one.
            let attempts: [(layout: Layout, includesFree: Bool)] =
                rowMajorOnly ? [(.rowMajor, true)] : [(.channelsLast, false), (.rowMajor, false), (.rowMajor, true)]
            for (layout, includesFree) in attempts {
                let wanted = zip(node.operands, types).map { operand, type in
                    isImage(operand, type, editor) || (includesFree && type.layout != layout)
                        ? TensorType(type.elementType, type.shape, layout: layout) : type
                }
                guard (try? node.op.inferTypes(wanted)) != nil else { continue }
                for (index, operand) in node.operands.enumerated() where wanted[index] != types[index] {
                    editor.setOperand(index, of: id, to: try conversion(of: operand, to: layout, &editor))
                    changed = true
                }
                break
            }
            try inferAgain(id, &editor)
        }

        private func inferAgain(_ id: NodeID, _ editor: inout GraphEditor) throws {
            // Nothing in front of it has changed before the first conversion.
            if changed { try editor.inferAgain(id) }
        }

        private func isImage(_ value: ValueID, _ type: TensorType, _ editor: GraphEditor) -> Bool {
            type.shape.rank == 4 && !editor.graph[value].isParameter && !type.isLayoutFree
        }

        private func isImageInput(_ value: ValueID, _ editor: GraphEditor) -> Bool {
            editor.graph[value].definition == .input && editor.type(value).elementType == .float32 && isImage(value, editor.type(value), editor)
        }

        private mutating func conversion(of value: ValueID, to layout: Layout, _ editor: inout GraphEditor) throws -> ValueID {
            if let known = converted[layout]?[value] { return known }
            if let inner = editor.match(ConvertLayout.self, making: value), editor.type(inner.operands[0]).layout == layout {
                return inner.operands[0]
            }
            let name = "\(editor.graph[value].name).\(layout.rawValue)"
            let result = try editor.insertAfterOperands(ConvertLayout(layout: layout), [value], name: name)[0]
            converted[layout, default: [:]][value] = result
            return result
        }

        /// Outputs keep their types.
        mutating func restoreOutputs(_ editor: inout GraphEditor) throws {
            for (output, type) in zip(editor.graph.outputs, outputTypes) where editor.type(output.value).layout != type.layout {
                let back = try conversion(of: output.value, to: type.layout, &editor)
                editor.setOutput(output.name, to: back)
            }
        }
    }
}
