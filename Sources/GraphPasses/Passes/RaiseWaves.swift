import Foundation
import GraphIR
import Operators
import Tensors

/// Raises the embedding of a timestep from cosines and sines of its products with a row of falling frequencies.
///
///     %t = unsqueeze(%timestep) {count = 1} : f32[1, 1]
///     %a = multiply(%t, %frequencies) : f32[1, 160]
///     %c = unary(%a) {function = cos} : f32[1, 160]
///     %s = unary(%a) {function = sin} : f32[1, 160]
///     %y = concat(%c, %s) {axis = 1} : f32[1, 320]
/// where the frequencies are the constants `exp(-ln(10000) k / 160)`, becomes
///     %y = timestep_embedding(%timestep) {dimension = 320, max_period = 10000.0}
public struct RaiseWaves: RewritePass {
    public static let name = "raise_waves"
    public static let runsAfter: [any Pass.Type] = [Canonicalize.self]

    public init() {}

    public func rewrite(_ node: NodeID, op: Concat, editor: inout GraphEditor) throws -> Bool {
        let operands = editor.graph[node].operands
        guard operands.count == 2, op.axis == 1 || op.axis == -1, let cosine = editor.match(Unary.self, making: operands[0]), cosine.op.function == .cos,
            let sine = editor.match(Unary.self, making: operands[1]), sine.op.function == .sin, sine.operands == cosine.operands,
            let product = editor.match(Multiply.self, making: cosine.operands[0])
        else { return false }
        for (first, second) in [(0, 1), (1, 0)] {
            let (column, row) = (product.operands[first], product.operands[second])
            guard let frequencies = editor.graph.constant(editor.viewed(row))?.values, let period = maxPeriod(frequencies),
                let view = editor.matchView(making: column), case let type = editor.type(view.operand), type.shape.rank == 1,
                type.elementType == .float32, editor.type(column).shape == [type.shape[0], 1],
                editor.type(operands[0]).shape == [type.shape[0], frequencies.count]
            else { continue }
            let embedding = TimestepEmbedding(dimension: 2 * frequencies.count, maxPeriod: period)
            let absorbed = [cosine.node, sine.node, product.node, view.node] + [editor.graph.producer(of: row)].compactMap { $0 }
            try editor.replace(node, with: embedding, [view.operand], absorbing: absorbed)
            return true
        }
        return false
    }

    /// The period that such frequencies have, in whole numbers.
    private func maxPeriod(_ frequencies: [Double]) -> Float? {
        guard frequencies.count > 1, frequencies[0] == 1, frequencies[1] > 0, frequencies[1] < 1 else { return nil }
        let count = Double(frequencies.count)
        let period = pow(frequencies[1], -count).rounded()
        guard period > 1, period < 0x1p24 else { return nil }
        for (k, frequency) in frequencies.enumerated() {
            let expected = exp(-log(period) * Double(k) / count)
            guard (frequency - expected).magnitude < 1e-5 * expected else { return nil }
        }
        return Float(period)
    }
}
