import GraphRuntime
import Tensors

/// Outputs of two runs, compared by name, type and every number.
public struct OutputComparison {
    /// The largest difference that rounding makes, relative to the largest number of an output or to 1.
    public static let tolerance: Float = 3e-5

    /// What is wrong with an output; nothing where it is the same but for rounding.
    public static func complaints(_ found: [String: Tensor], _ expected: [String: Tensor]) -> [String: String] {
        var result: [String: String] = [:]
        for name in Set(found.keys).union(expected.keys) {
            guard let a = found[name], let b = expected[name] else {
                result[name] = found[name] == nil ? "is missing" : "is one too many"
                continue
            }
            guard a.type.elementType == b.type.elementType, a.shape == b.shape else {
                result[name] = "is \(a.type), not \(b.type)"
                continue
            }
            let difference = difference(a, b)
            if !(difference <= tolerance) { result[name] = "differs by \(difference)" }
        }
        return result
    }

    /// The largest difference, relative to the largest number or to 1; infinite where integers differ, or where only one number is finite.
    static func difference(_ found: Tensor, _ expected: Tensor) -> Float {
        let (a, b) = (found.converted(to: .rowMajor), expected.converted(to: .rowMajor))
        guard a.type.elementType == .float32 else {
            return a.withBytes(Array.init) == b.withBytes(Array.init) ? 0 : .infinity
        }
        let (x, y) = (a.floatArray, b.floatArray)
        let magnitude = y.reduce(1) { $1.isFinite ? max($0, abs($1)) : $0 }
        var largest: Float = 0
        for (p, q) in zip(x, y) where p != q && !(p.isNaN && q.isNaN) {
            let difference = abs(p - q) / magnitude
            largest = difference.isFinite ? max(largest, difference) : .infinity
        }
        return largest
    }
}
