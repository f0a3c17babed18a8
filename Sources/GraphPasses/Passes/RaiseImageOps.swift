import GraphIR
import Operators
import Tensors

/// Raises what exporters make of neighbourhoods, of nearest upsampling, and of padding in front of a convolution.
///
///     %p = pad(%x) {before = [0, 0, 2, 2], after = [0, 0, 2, 2], mode = constant}
///     %r = gather(%p, %rows) {axis = 2}
///     %c = gather(%r, %columns) {axis = 4}
///     %t = transpose(%c) {permutation = [0, 1, 2, 4, 3, 5]}
///     %u = reshape(%t) {shape = [1, 4, 25, 64, 64]}
/// where %rows and %columns are the constants i + j [5, 64], becomes
///     %u = unfold(%x) {kernel_size = [5, 5]}
///
/// A `resize` that repeats pixels becomes `upsample_nearest`; zeros around the input of a `conv2d` become its padding; a `reduce` to the
/// sum of one axis becomes `reduce_sum`.
public struct RaiseImageOps: RuleSetPass {
    public static let name = "raise_image_ops"
    public static let runsAfter: [any Pass.Type] = [Canonicalize.self]

    public init() {}

    public var rules: [any RewriteRule] { [RaiseUnfold(), RaiseUpsampling(), FoldPadding(), RaiseReduceSum()] }

    private struct RaiseUnfold: RewriteRule {
        func rewrite(_ node: NodeID, op: Reshape, editor: inout GraphEditor) throws -> Bool {
            guard let transpose = editor.match(Transpose.self, making: editor.graph[node].operands[0]), transpose.op.permutation == [0, 1, 2, 4, 3, 5],
                let columns = editor.match(Gather.self, making: transpose.operands[0]), columns.op.axis == 4,
                let rows = editor.match(Gather.self, making: columns.operands[0]), rows.op.axis == 2,
                let pad = editor.match(Pad.self, making: rows.operands[0]), editor.padsWithZeros(pad),
                let kernelHeight = neighbours(rows.operands[1], editor), let kernelWidth = neighbours(columns.operands[1], editor),
                case let reach = [0, 0, (kernelHeight - 1) / 2, (kernelWidth - 1) / 2], pad.op.before == reach, pad.op.after == reach,
                case let unfold = Unfold(kernelSize: [kernelHeight, kernelWidth]),
                let type = try? unfold.inferTypes([editor.type(pad.operands[0])]).first, type.elementType == .float32,
                editor.type(transpose.result).shape.dimensions == [type.shape[0], type.shape[1], kernelHeight, kernelWidth, type.shape[3], type.shape[4]]
            else { return false }
            let absorbed = [transpose.node, columns.node, rows.node, pad.node]
            if type == editor.type(editor.graph[node].results[0]) {
                try editor.replace(node, with: unfold, pad.operands.prefix(1) + [], absorbing: absorbed)
            } else {
                let unfolded = try editor.insert(
                    unfold, [pad.operands[0]], before: node, name: "\(editor.graph.name(of: node)).unfold", origins: editor.origins(of: absorbed))
                try editor.replace(node, with: op, unfolded, absorbing: absorbed)
            }
            return true
        }

        /// The k of indices [k, n] that are the sums of their place's numbers.
        private func neighbours(_ value: ValueID, _ editor: GraphEditor) -> Int? {
            guard let constant = editor.graph.constant(value), constant.shape.count == 2, case let (k, n) = (constant.shape[0], constant.shape[1]),
                k % 2 == 1, k <= 255, constant.values.count == k * n,
                constant.values.enumerated().allSatisfy({ $0.element == Double($0.offset / n + $0.offset % n) })
            else { return nil }
            return k
        }
    }

    private struct RaiseUpsampling: RewriteRule {
        func rewrite(_ node: NodeID, op: Resize, editor: inout GraphEditor) throws -> Bool {
            let source = editor.type(editor.graph[node].operands[0])
            guard source.shape.rank == 4, source.elementCount > 0, source.elementType == .float32, op.mode == .nearest, op.sizes[0] == source.shape[0],
                op.sizes[1] == source.shape[1],
                case let factor = op.sizes[2] / source.shape[2], factor > 1, factor <= 64,
                op.sizes == [source.shape[0], source.shape[1], source.shape[2] * factor, source.shape[3] * factor],
                op.scales == [1, 1, Double(factor), Double(factor)]
            else { return false }
            // All of these take pixel i / factor, rounded down; there is never a tie.
            let floors = op.coordinates == .asymmetric && op.nearestMode == .floor
            let rounds =
                [.halfPixel, .pytorchHalfPixel].contains(op.coordinates)
                && [nil, .roundPreferFloor, .roundPreferCeil].contains(op.nearestMode)
            guard floors || rounds else { return false }
            try editor.replace(node, with: UpsampleNearest(factor: factor), editor.graph[node].operands)
            return true
        }
    }

    private struct FoldPadding: RewriteRule {
        func rewrite(_ node: NodeID, op: Conv2D, editor: inout GraphEditor) throws -> Bool {
            let operands = editor.graph[node].operands
            guard op.prologue == nil, op.upsampling == nil, let pad = editor.matchOnlyUsed(Pad.self, making: operands[0]),
                editor.padsWithZeros(pad), case let before = pad.op.before, case let after = pad.op.after, before.count == 4,
                before[..<2] == [0, 0], after[..<2] == [0, 0], (before + after).allSatisfy({ $0 >= 0 })
            else { return false }
            var padded = op
            padded.padding = zip(op.padding, before[2...] + after[2...]).map(+)
            try editor.replace(node, with: padded, [pad.operands[0]] + operands.dropFirst(), absorbing: [pad.node])
            return true
        }
    }

    private struct RaiseReduceSum: RewriteRule {
        func rewrite(_ node: NodeID, op: Reduce, editor: inout GraphEditor) throws -> Bool {
            let operands = editor.graph[node].operands
            guard op.function == .sum, op.axes.count == 1, !op.keepsDimensions, case let type = editor.type(operands[0]), type.elementType == .float32,
                type.elementCount > 0
            else { return false }
            try editor.replace(node, with: ReduceSum(axis: op.axes[0]), operands)
            return true
        }
    }
}

extension GraphEditor {
    fileprivate func padsWithZeros(_ pad: Match<Pad>) -> Bool {
        pad.op.mode == .constant && (pad.operands.count == 1 || splat(pad.operands[1]) == 0)
    }
}
