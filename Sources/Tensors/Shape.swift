/// The sizes of a tensor's dimensions, outermost first. An empty shape is a scalar.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
    public var dimensions: [Int]

    public init(_ dimensions: [Int]) { self.dimensions = dimensions }
    public init(arrayLiteral elements: Int...) { self.dimensions = elements }

    public var rank: Int { dimensions.count }

    /// The product of the dimensions. For shapes from files, use ``checkedElementCount`` first.
    public var elementCount: Int { dimensions.reduce(1, *) }

    /// The product of the dimensions, or nil where one is negative or the product does not fit.
    public var checkedElementCount: Int? {
        var count = 1
        var overflowed = false
        for dimension in dimensions {
            guard dimension >= 0 else { return nil }
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            // A zero further on makes the tensor empty, whatever the others are; still refuse sizes that no file can mean.
            overflowed = overflowed || overflow
            count = product
        }
        return overflowed ? nil : count
    }

    /// Distances in elements between neighbours along each dimension when the last one is densest.
    public var rowMajorStrides: [Int] {
        var strides = [Int](repeating: 1, count: rank)
        for axis in stride(from: rank - 2, through: 0, by: -1) { strides[axis] = strides[axis + 1] * dimensions[axis + 1] }
        return strides
    }

    public subscript(axis: Int) -> Int {
        get { dimensions[axis < 0 ? axis + rank : axis] }
        set { dimensions[axis < 0 ? axis + rank : axis] = newValue }
    }

    public var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }
}

extension Int {
    /// The product of factors that are not negative, or the largest integer where it is larger. For estimates about sizes from files.
    public static func saturatingProduct(_ factors: Int...) -> Int {
        factors.contains(0) ? 0 : Shape(factors).checkedElementCount ?? .max
    }
}
