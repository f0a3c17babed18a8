import Files
import Tensors

/// How far a tensor is from what was expected.
public struct TensorComparison: Hashable, Sendable {
    /// `|a - b| / |b|`, Euclidean norms over all elements; infinite where only one side has a number that is not finite, or another such number.
    public var relativeError: Double
    /// The largest difference of two elements.
    public var largestError: Double

    /// - Throws: where the shapes differ. Element types and layouts may: the numbers are compared.
    public init(_ found: Tensor, expected: Tensor) throws {
        guard found.shape == expected.shape else { throw InputError("has the shape \(found.shape) where \(expected.shape) is expected") }
        var (difference, norm, largest) = (0.0, 0.0, 0.0)
        let reference = expected.converted(to: .rowMajor).doubles
        for (a, b) in zip(found.converted(to: .rowMajor).doubles, reference) where a != b && !(a.isNaN && b.isNaN) {
            let d = a.isFinite && b.isFinite ? a - b : .infinity
            difference += d * d
            largest = max(largest, d.magnitude)
        }
        for b in reference where b.isFinite { norm += b * b }
        relativeError = difference == 0 ? 0 : (difference / max(norm, .leastNormalMagnitude)).squareRoot()
        largestError = largest
    }
}

/// The spread of a tensor's numbers.
public struct TensorSummary: Hashable, Sendable {
    public var minimum = Double.infinity
    public var maximum = -Double.infinity
    public var mean = 0.0
    /// How many are infinite or not a number; the others make the figures above.
    public var nonFiniteCount = 0

    public init(_ tensor: Tensor) {
        var count = 0
        for value in tensor.doubles {
            guard value.isFinite else {
                nonFiniteCount += 1
                continue
            }
            minimum = min(minimum, value)
            maximum = max(maximum, value)
            mean += value
            count += 1
        }
        mean /= Double(max(count, 1))
    }
}

extension Tensor {
    /// The elements in memory order as doubles: exact but for integers beyond 2^53.
    public var doubles: [Double] {
        func map<Element: BitwiseCopyable>(_: Element.Type, _ convert: (Element) -> Double) -> [Double] {
            withElements { $0.map(convert) }
        }
        switch type.elementType {
        case .float32: return map(Float.self) { Double($0) }
        case .float64: return map(Double.self) { $0 }
        case .float16, .bfloat16:
            let converted = Tensor(TensorType(.float32, shape)) { floats in withBytes { ElementConversion.convertToFloat32($0, type.elementType, into: floats) }
            }
            return converted.withFloats { $0.map { Double($0) } }
        case .int64: return map(Int64.self) { Double($0) }
        case .int32: return map(Int32.self) { Double($0) }
        case .int16: return map(Int16.self) { Double($0) }
        case .int8: return map(Int8.self) { Double($0) }
        case .uint64: return map(UInt64.self) { Double($0) }
        case .uint32: return map(UInt32.self) { Double($0) }
        case .uint16: return map(UInt16.self) { Double($0) }
        case .uint8, .bool: return map(UInt8.self) { Double($0) }
        }
    }
}
