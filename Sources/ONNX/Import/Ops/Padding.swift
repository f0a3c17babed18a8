import Files
import Operators
import Tensors

extension ImportRule {
    static let padding: [ImportRule] = [.one("Pad") { try $0.pad() }]
}

extension NodeImport {
    /// Before opset 11 the numbers were attributes.
    fileprivate func pad() throws -> ImportedValue {
        let x = try input(0)
        let rank = rank(x)
        guard let pads = try integers(attribute: opset < 2 ? "paddings" : "pads", orInput: 1) else { throw InputError("its pads are missing") }
        let axes = try self.axes(optionalInput(3).map { try integers($0, "axes") } ?? Array(0..<rank), rank: rank)
        guard pads.count == 2 * axes.count else { throw InputError("\(pads) are not two numbers for each of \(axes.count) dimensions") }
        var op = Operators.Pad(
            before: [Int](repeating: 0, count: rank), after: [Int](repeating: 0, count: rank), mode: try choice("mode", default: .constant))
        for (index, axis) in axes.enumerated() { (op.before[axis], op.after[axis]) = (pads[index], pads[axes.count + index]) }
        guard op.mode == .constant else { return try apply(op, x) }
        if let value = optionalInput(2) { return try apply(op, x, reshape(value, [])) }
        if let value = try float("value"), value != 0 { return try apply(op, x, scalar(Double(value), like: x)) }
        return try apply(op, x)
    }
}
