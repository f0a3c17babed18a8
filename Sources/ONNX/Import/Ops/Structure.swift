import Files
import Operators
import Tensors

extension ImportRule {
    static let structure: [ImportRule] = [
        .one("Transpose") { node in
            let x = try node.input(0)
            let given = try node.integers("perm") ?? Array((0..<node.rank(x)).reversed())
            return try node.transpose(x, given)
        },
        .one("Concat") { node in
            let operands = try node.allInputs()
            let axis = try node.axis(node.integer("axis", default: 1), rank: node.rank(operands[0]))
            return operands.count == 1 ? operands[0] : try node.apply(Concat(axis: axis), operands)
        },
        ImportRule("Split") { try $0.split() },
        .one("Trilu") { node in
            let diagonal = try node.optionalInput(1).map { try node.integer($0, "k") } ?? 0
            let x = try node.input(0)
            // No matrix reaches further.
            let bounded = min(max(diagonal, -(1 << 31)), 1 << 31)
            return try node.apply(Triangle(upper: node.flag("upper", default: true), diagonal: bounded), x)
        },
        .one("CumSum") { node in
            let x = try node.input(0)
            let axis = try node.axis(node.integer(node.input(1), "axis"), rank: node.rank(x))
            return try node.apply(
                CumulativeSum(
                    axis: axis, exclusive: node.flag("exclusive", default: false), reversed: node.flag("reverse", default: false)), x)
        },
        .one("Identity") { try $0.input(0) },
    ]
}

extension NodeImport {
    fileprivate func split() throws -> [ImportedValue] {
        let x = try input(0)
        let axis = try axis(integer("axis", default: 0), rank: rank(x))
        let size = shape(x)[axis]
        let count = node.outputs.count
        if let sizes = try integers(attribute: "split", orInput: 1) {
            guard sizes.count == count else { throw InputError("it has \(count) results, but \(sizes.count) sizes") }
            return count == 1 && sizes == [size] ? [x] : try applyAll(Operators.Split(axis: axis, sizes: sizes), [x])
        }
        guard try integer("num_outputs", default: count) == count, count > 0 else {
            throw InputError("its attribute 'num_outputs' is not its number of results")
        }
        if count == 1 { return [x] }
        if size % count == 0 { return try applyAll(Operators.Split(axis: axis, parts: count), [x]) }
        // The last part is smaller.
        let part = (size + count - 1) / count
        guard opset >= 18, size - part * (count - 1) >= 0 else { throw InputError("size \(size) does not make \(count) parts") }
        return try applyAll(Operators.Split(axis: axis, sizes: [Int](repeating: part, count: count - 1) + [size - part * (count - 1)]), [x])
    }
}
