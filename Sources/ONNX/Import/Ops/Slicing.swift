import Files
import Operators
import Tensors

extension ImportRule {
    static let slicing: [ImportRule] = [.one("Slice") { try $0.slice() }]
}

extension NodeImport {
    /// Starts and ends were attributes before opset 10.
    fileprivate func slice() throws -> ImportedValue {
        let x = try input(0)
        let shape = shape(x)
        guard let starts = try integers(attribute: "starts", orInput: 1), let ends = try integers(attribute: "ends", orInput: 2) else {
            throw InputError("its starts and ends are missing")
        }
        let axes = try self.axes(integers(attribute: "axes", orInput: 3) ?? Array(starts.indices), rank: shape.rank)
        let steps = try optionalInput(4).map { try integers($0, "steps") } ?? [Int](repeating: 1, count: starts.count)
        guard starts.count == axes.count, ends.count == axes.count, steps.count == axes.count else {
            throw InputError("as many starts, ends, axes and steps are needed: \(starts), \(ends), \(axes), \(steps)")
        }
        var op = Operators.Slice(
            starts: [Int](repeating: 0, count: shape.rank), sizes: shape.dimensions, steps: [Int](repeating: 1, count: shape.rank))
        for (index, axis) in axes.enumerated() {
            let (size, step) = (shape[axis], steps[index])
            guard step != 0 else { throw InputError("a step of 0 leads nowhere") }
            func position(_ value: Int, _ range: ClosedRange<Int>) -> Int {
                min(max(value < 0 ? value + size : value, range.lowerBound), range.upperBound)
            }
            // Backwards a slice may end in front of the first element.
            let start = step > 0 ? position(starts[index], 0...size) : position(starts[index], (size == 0 ? -1 : 0)...(size - 1))
            let end = position(ends[index], step > 0 ? 0...size : -1...max(size - 1, -1))
            let distance = step > 0 ? end - start : start - end
            let count = size == 0 || distance <= 0 ? 0 : (distance - 1) / abs(step) + 1
            op.starts[axis] = count == 0 ? 0 : start
            op.sizes[axis] = count
            // With one element the step is of no consequence, however large.
            op.steps[axis] = count <= 1 ? 1 : step
        }
        return op.sizes == shape.dimensions && op.steps.allSatisfy { $0 == 1 } ? x : try apply(op, x)
    }
}
