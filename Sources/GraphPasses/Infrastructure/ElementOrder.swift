import Tensors

/// Where the elements of a tensor come from, after transpositions and views of another one.
///
/// Each axis is a list of factors, outermost first: so many steps of so many elements of the tensor that all began with. Two
/// chains of transpositions and views do the same if they end in equal orders.
struct ElementOrder: Hashable {
    struct Factor: Hashable {
        var size: Int
        var stride: Int
    }

    private(set) var axes: [[Factor]]

    /// The elements of a row-major tensor as they lie.
    init(_ shape: Shape) { axes = zip(shape.dimensions, shape.rowMajorStrides).map { $0 == 1 ? [] : [Factor(size: $0, stride: $1)] } }

    /// All elements one behind the other.
    private var sequence: [Factor] { ElementOrder.joined(axes.flatMap { $0 }) }

    /// Whether the elements lie as they did in the beginning.
    var isUnchanged: Bool { sequence.isEmpty || (sequence.count == 1 && sequence[0].stride == 1) }

    mutating func transpose(_ permutation: [Int]) { axes = permutation.map { axes[$0] } }

    /// Gives the tensor other dimensions. False where a new one would be no whole number of steps; then the order is of no use any more.
    mutating func reshape(to shape: Shape) -> Bool {
        guard shape.elementCount > 0 else { return false }
        var rest = sequence[...]
        var result: [[Factor]] = []
        for size in shape.dimensions {
            var axis: [Factor] = []
            var missing = size
            while missing > 1 {
                guard let next = rest.popFirst() else { return false }
                if missing % next.size == 0 {
                    axis.append(next)
                    missing /= next.size
                } else {
                    guard next.size % missing == 0 else { return false }
                    let inner = next.size / missing
                    axis.append(Factor(size: missing, stride: next.stride * inner))
                    rest = [Factor(size: inner, stride: next.stride)] + rest
                    missing = 1
                }
            }
            result.append(ElementOrder.joined(axis))
        }
        axes = result
        return true
    }

    /// Neighbours that go on where the other ends are one.
    private static func joined(_ factors: [Factor]) -> [Factor] {
        var result: [Factor] = []
        for factor in factors where factor.size != 1 {
            if let last = result.last, last.stride == factor.size * factor.stride {
                result[result.count - 1] = Factor(size: last.size * factor.size, stride: factor.stride)
            } else {
                result.append(factor)
            }
        }
        return result
    }
}
