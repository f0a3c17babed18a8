import Files
import Foundation
import Operators
import Tensors

extension ImportRule {
    static let einsum: [ImportRule] = [.one("Einsum") { try $0.einsum() }]
}

/// An equation such as `bhid,bhjd->bhij`: a label for each dimension of the operands and of the result.
private struct EinsumEquation {
    var operands: [[Character]]
    var result: [Character]

    /// - Parameter ranks: of the operands, which say how many dimensions an ellipsis stands for.
    init(_ text: String, ranks: [Int]) throws {
        let unusable = InputError("its attribute 'equation' cannot be understood: '\(text)'")
        let sides = text.filter { $0 != " " }.components(separatedBy: "->")
        guard sides.count <= 2 else { throw unusable }
        let terms = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard terms.count == ranks.count else { throw InputError("its attribute 'equation' has \(terms.count) operands, the node \(ranks.count)") }
        let ellipsisRank =
            try zip(terms, ranks).map { term, rank -> Int in
                guard term.contains("...") else { return 0 }
                let count = rank - (term.count - 3)
                guard count >= 0 else { throw unusable }
                return count
            }.max() ?? 0
        guard ellipsisRank <= 16 else { throw unusable }
        // Digits stand for the dimensions of ellipses, which are aligned from behind.
        let digits = Array("0123456789ABCDEF".unicodeScalars.map { Character(UnicodeScalar(0xE000 + $0.value)!) }.prefix(16))
        func labels(_ term: String, ellipsis count: Int) throws -> [Character] {
            let parts = term.components(separatedBy: "...")
            guard parts.count <= 2, parts.joined().allSatisfy({ $0.isASCII && $0.isLetter }) else { throw unusable }
            return Array(parts[0]) + (parts.count == 2 ? digits[(ellipsisRank - count)..<ellipsisRank] + Array(parts[1]) : [])
        }
        operands = try zip(terms, ranks).map { term, rank in
            let labels = try labels(term, ellipsis: term.contains("...") ? rank - (term.count - 3) : 0)
            guard labels.count == rank else { throw InputError("its attribute 'equation' has '\(term)' for an operand of \(rank) dimensions") }
            return labels
        }
        if sides.count == 2 {
            result = try labels(sides[1], ellipsis: sides[1].contains("...") ? ellipsisRank : 0)
        } else {
            let all = operands.joined()
            let single = Set(all).filter { label in label.isASCII && all.filter { $0 == label }.count == 1 }.sorted()
            result = digits[..<ellipsisRank] + single
        }
        guard Set(result).count == result.count, Set(result).isSubset(of: operands.joined()) else { throw unusable }
    }
}

/// An operand whose dimensions carry labels.
private struct LabelledValue {
    var value: ImportedValue
    var labels: [Character]
}

extension NodeImport {
    fileprivate func einsum() throws -> ImportedValue {
        let inputs = try allInputs()
        guard let text = try string("equation") else { throw InputError("its attribute 'equation' is missing") }
        let equation = try EinsumEquation(text, ranks: inputs.map(rank))
        var operands = try zip(inputs, equation.operands).map { try withoutRepeats(LabelledValue(value: $0, labels: $1)) }
        while operands.count > 1 {
            let (a, b) = (operands.removeFirst(), operands.removeFirst())
            let needed = Set(operands.flatMap(\.labels)).union(equation.result)
            operands.insert(try product(a, b, keeping: needed), at: 0)
        }
        let summed = try summing(operands[0], keeping: Set(equation.result))
        return try transpose(summed.value, equation.result.map { summed.labels.firstIndex(of: $0)! })
    }

    /// A label that stands twice in one operand means its diagonal.
    private func withoutRepeats(_ operand: LabelledValue) throws -> LabelledValue {
        var operand = operand
        while let label = operand.labels.first(where: { label in operand.labels.filter { $0 == label }.count > 1 }) {
            let first = operand.labels.firstIndex(of: label)!
            let second = operand.labels.lastIndex(of: label)!
            let shape = shape(operand.value)
            let size = shape[first]
            guard shape[second] == size else { throw InputError("the sizes \(size) and \(shape[second]) of '\(label)' differ") }
            let rest = operand.labels.indices.filter { $0 != first && $0 != second }
            let moved = try transpose(operand.value, [first, second] + rest)
            let flat = try reshape(moved, Shape([size * size] + rest.map { shape[$0] }))
            operand.value = try apply(Gather(axis: 0), flat, constant((0..<size).map { $0 * (size + 1) }))
            operand.labels = [label] + rest.map { operand.labels[$0] }
        }
        return operand
    }

    private func summing(_ operand: LabelledValue, keeping needed: Set<Character>) throws -> LabelledValue {
        let axes = operand.labels.indices.filter { !needed.contains(operand.labels[$0]) }
        guard !axes.isEmpty else { return operand }
        return LabelledValue(
            value: try reduce(.sum, operand.value, axes: axes, keepsDimensions: false), labels: operand.labels.filter(needed.contains))
    }

    /// The product of two operands as one of matrices: what both have and is needed further on is the batch, what both have and is
    /// not is summed.
    private func product(_ a: LabelledValue, _ b: LabelledValue, keeping needed: Set<Character>) throws -> LabelledValue {
        let a = try summing(a, keeping: needed.union(b.labels))
        let b = try summing(b, keeping: needed.union(a.labels))
        var sizes: [Character: Int] = [:]
        for operand in [a, b] {
            for (label, size) in zip(operand.labels, shape(operand.value).dimensions) {
                guard let known = sizes[label], known != 1 else {
                    sizes[label] = size
                    continue
                }
                guard size == known || size == 1 else { throw InputError("the sizes \(known) and \(size) of '\(label)' differ") }
            }
        }
        let shared = a.labels.filter(b.labels.contains)
        let (batch, inner) = (shared.filter(needed.contains), shared.filter { !needed.contains($0) })
        let (rows, columns) = (a.labels.filter { !shared.contains($0) }, b.labels.filter { !shared.contains($0) })
        func arranged(_ operand: LabelledValue, _ groups: [[Character]]) throws -> ImportedValue {
            let order = groups.flatMap { $0 }
            var value = try transpose(operand.value, order.map { operand.labels.firstIndex(of: $0)! })
            value = try expand(value, Shape(order.map { sizes[$0]! }))
            return value
        }
        func count(_ labels: [Character]) throws -> Int {
            guard let count = Shape(labels.map { sizes[$0]! }).checkedElementCount else { throw InputError("the operands are too large") }
            return count
        }
        let dimensions = (batch + rows + columns).map { sizes[$0]! }
        if inner.isEmpty, rows.isEmpty || columns.isEmpty {
            // No sum: element by element, with dimensions of one where an operand lacks a label.
            let left = try reshape(arranged(a, [batch, rows]), Shape((batch + rows).map { sizes[$0]! } + columns.map { _ in 1 }))
            let right = try reshape(
                arranged(b, [batch, columns]), Shape(batch.map { sizes[$0]! } + rows.map { _ in 1 } + columns.map { sizes[$0]! }))
            return LabelledValue(value: try multiply(left, right), labels: batch + rows + columns)
        }
        let head = batch.map { sizes[$0]! }
        let left = try reshape(arranged(a, [batch, rows, inner]), Shape(head + [try count(rows), try count(inner)]))
        let right = try reshape(arranged(b, [batch, inner, columns]), Shape(head + [try count(inner), try count(columns)]))
        return LabelledValue(
            value: try reshape(matrixProduct(left, right), Shape(dimensions)), labels: batch + rows + columns)
    }
}
