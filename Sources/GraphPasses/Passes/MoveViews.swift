import Foundation
import GraphIR
import Operators
import Tensors

/// Moves views behind linear layers and slices in front of views, where they meet their likes; slices that together are a tensor
/// become a split.
///
///     %r = reshape(%x) {shape = [77, 32]} : f32[77, 32]
///     %l = linear(%r, @weight) : f32[77, 96]
///     %h = reshape(%l) {shape = [77, 3, 32]} : f32[77, 3, 32]
///     %a = slice(%h) {starts = [0, 0, 0], sizes = [77, 1, 32], steps = [1, 1, 1]} : f32[77, 1, 32]
/// and so on for %b and %c, of `%x : f32[1, 77, 32]`, becomes
///     %l = linear(%x, @weight) : f32[1, 77, 96]
///     %a.whole, ... = split(%l) {axis = 2, parts = 3} : f32[1, 77, 32], f32[1, 77, 32], f32[1, 77, 32]
///     %a = reshape(%a.whole) {shape = [77, 1, 32]} : f32[77, 1, 32]
///
/// A `gather` of one number is a slice.
public struct MoveViews: RuleSetPass {
    public static let name = "move_views"
    /// Behind a linear layer a view would stand between it and its bias.
    public static let runsAfter: [any Pass.Type] = [Canonicalize.self, FuseBias.self]

    public init() {}

    public var rules: [any RewriteRule] { [SinkReshape(), GatherToSlice(), LiftSlice(), SlicesToSplit()] }

    /// linear(reshape(x)) where the rows stay, of x that are tokens: heads of attention are still to be found where they are.
    private struct SinkReshape: RewriteRule {
        func rewrite(_ node: NodeID, op: Linear, editor: inout GraphEditor) throws -> Bool {
            let operands = editor.graph[node].operands
            let result = editor.type(editor.graph[node].results[0]).shape
            // A norm on load goes by the first dimension, and a residual has the result's.
            guard op.prologue == nil, op.weights == nil, Set(op.epilogue ?? []).isDisjoint(with: [.addResidual, .takeMoments]),
                let reshape = editor.match(Reshape.self, making: operands[0]), case let source = editor.type(reshape.operands[0]).shape,
                (1...3).contains(source.rank), source[-1] == editor.type(operands[0]).shape[-1]
            else { return false }
            let name = "\(editor.graph.name(of: node)).rows"
            let linear = try editor.insert(
                op, [reshape.operands[0]] + operands.dropFirst(), before: node, name: name, origins: editor.origins(of: [node]))
            try editor.replace(node, with: Reshape(result), linear, absorbing: [reshape.node])
            return true
        }
    }

    /// A slice that is moved several times has one suffix.
    private static func sliceName(_ node: NodeID, _ editor: GraphEditor) -> String {
        let name = editor.graph.name(of: node)
        return name.components(separatedBy: ".slice")[0] + ".slice"
    }

    private struct GatherToSlice: RewriteRule {
        func rewrite(_ node: NodeID, op: Gather, editor: inout GraphEditor) throws -> Bool {
            let operands = editor.graph[node].operands
            let shape = editor.type(operands[0]).shape
            let axis = op.axis < 0 ? op.axis + shape.rank : op.axis
            guard editor.type(operands[1]).elementCount == 1, let number = editor.splat(operands[1]), let index = Int(exactly: number),
                case let start = index < 0 ? index + shape[axis] : index, (0..<shape[axis]).contains(start)
            else { return false }
            var (starts, sizes) = (Array(repeating: 0, count: shape.rank), shape.dimensions)
            starts[axis] = start
            sizes[axis] = 1
            let slice = Slice(starts: starts, sizes: sizes, steps: Array(repeating: 1, count: shape.rank))
            let part = try editor.insert(slice, [operands[0]], before: node, name: sliceName(node, editor))
            try editor.replace(node, with: Reshape(editor.type(editor.graph[node].results[0]).shape), part)
            return true
        }
    }

    /// slice(transpose(x)), and slice(reshape(x)) where the slice is one of x.
    private struct LiftSlice: RewriteRule {
        func rewrite(_ node: NodeID, op: Slice, editor: inout GraphEditor) throws -> Bool {
            guard op.steps.allSatisfy({ $0 == 1 }) else { return false }
            let operand = editor.graph[node].operands[0]
            if let transpose = editor.match(Transpose.self, making: operand) {
                var lifted = op
                for (axis, from) in transpose.op.permutation.enumerated() { (lifted.starts[from], lifted.sizes[from]) = (op.starts[axis], op.sizes[axis]) }
                return try put(lifted, under: transpose.op, of: transpose.operands[0], node, &editor)
            }
            guard let view = editor.matchView(making: operand),
                let lifted = lift(op, editor.type(operand).shape, over: editor.type(view.operand).shape)
            else { return false }
            return try put(lifted, under: Reshape(Shape(op.sizes)), of: view.operand, node, &editor)
        }

        private func put(_ slice: Slice, under op: any Op, of value: ValueID, _ node: NodeID, _ editor: inout GraphEditor) throws -> Bool {
            let part = try editor.insert(
                slice, [value], before: node, name: sliceName(node, editor), origins: editor.origins(of: [node]))
            try editor.replace(node, with: op, part)
            return true
        }

        /// The slice of a tensor that is, seen with another shape, a slice along one axis of that.
        private func lift(_ slice: Slice, _ shape: Shape, over source: Shape) -> Slice? {
            let cut = shape.dimensions.indices.filter { slice.sizes[$0] != shape[$0] }
            guard cut.count == 1, let axis = cut.first, shape.elementCount > 0 else { return nil }
            let before = shape.dimensions[..<axis].reduce(1, *)
            var product = 1
            for (index, size) in source.dimensions.enumerated() {
                // The axis must be the outer part of one of the source's.
                if product == before, size > 1 {
                    guard size % shape[axis] == 0, shape.dimensions[axis...].reduce(1, *) == source.dimensions[index...].reduce(1, *) else { return nil }
                    let inner = size / shape[axis]
                    var (starts, sizes) = (Array(repeating: 0, count: source.rank), source.dimensions)
                    (starts[index], sizes[index]) = (slice.starts[axis] * inner, slice.sizes[axis] * inner)
                    return Slice(starts: starts, sizes: sizes, steps: Array(repeating: 1, count: source.rank))
                }
                product *= size
            }
            return nil
        }
    }

    private struct SlicesToSplit: RewriteRule {
        func rewrite(_ node: NodeID, op: Slice, editor: inout GraphEditor) throws -> Bool {
            let whole = editor.graph[node].operands[0]
            let shape = editor.type(whole).shape
            guard let axis = cutAxis(op, shape), op.starts[axis] == 0 else { return false }
            var parts: [Match<Slice>] = []
            var end = 0
            let candidates = Set(editor.uses(of: whole)).compactMap { editor.match(Slice.self, $0) }.filter { cutAxis($0.op, shape) == axis }
            // Of equal parts any will do; common subexpressions have been removed.
            while end < shape[axis], let next = candidates.first(where: { $0.op.starts[axis] == end }) {
                parts.append(next)
                end += next.op.sizes[axis]
            }
            guard end == shape[axis], parts.count > 1, parts.count == candidates.count, parts.count <= 1024, !editor.graph[whole].isParameter else {
                return false
            }
            let sizes = parts.map { $0.op.sizes[axis] }
            let split = Set(sizes).count == 1 ? Split(axis: axis, parts: sizes.count) : Split(axis: axis, sizes: sizes)
            let first = parts.map(\.node).min { editor.position(of: $0) < editor.position(of: $1) }!
            let results = try editor.insert(
                split, [whole], before: first, name: "\(editor.graph[whole].name).split", origins: editor.origins(of: parts.map(\.node)))
            for (part, result) in zip(parts, results) {
                let name = editor.graph.name(of: part.node)
                editor.replaceUses(of: part.result, with: result)
                editor.erase(part.node)
                editor.rename(result, to: name)
            }
            return true
        }

        /// The only axis that a slice cuts, leaving something.
        private func cutAxis(_ slice: Slice, _ shape: Shape) -> Int? {
            let cut = shape.dimensions.indices.filter { slice.sizes[$0] != shape[$0] }
            return cut.count == 1 && slice.sizes[cut[0]] > 0 && slice.steps.allSatisfy { $0 == 1 } ? cut[0] : nil
        }
    }
}
