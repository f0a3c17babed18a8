import Operators
import Tensors

extension Tensor {
    /// The elements of an integer or bool tensor; nil for floats and for what no Int holds.
    var integers: [Int]? {
        withExtendedLifetime(storage) {
            func read<Element: FixedWidthInteger>(_: Element.Type) -> [Int]? {
                let elements = bytes.bindMemory(to: Element.self)
                let result = elements.compactMap { Int(exactly: $0) }
                return result.count == elements.count ? result : nil
            }
            switch type.elementType {
            case .int64: return read(Int64.self)
            case .int32: return read(Int32.self)
            case .int16: return read(Int16.self)
            case .int8: return read(Int8.self)
            case .uint64: return read(UInt64.self)
            case .uint32: return read(UInt32.self)
            case .uint16: return read(UInt16.self)
            case .uint8, .bool: return read(UInt8.self)
            case .float32, .float16, .bfloat16, .float64: return nil
            }
        }
    }

    /// The elements of any tensor, 64-bit integers rounded.
    var doubles: [Double] {
        withExtendedLifetime(storage) {
            func read<Element: BinaryInteger>(_: Element.Type) -> [Double] { bytes.bindMemory(to: Element.self).map { Double($0) } }
            switch type.elementType {
            case .float64: return Array(bytes.bindMemory(to: Double.self))
            case .int64: return read(Int64.self)
            case .int32: return read(Int32.self)
            case .uint64: return read(UInt64.self)
            case .uint32: return read(UInt32.self)
            default:
                var floats = [Float](repeating: 0, count: type.elementCount)
                floats.withUnsafeMutableBufferPointer {
                    ElementConversion.convertToFloat32(UnsafeRawBufferPointer(bytes), type.elementType, into: $0)
                }
                return floats.map(Double.init)
            }
        }
    }
}

extension Constant {
    /// The op that holds a tensor, or nil where that is too large or has integers that no Double holds.
    init?(_ tensor: Tensor) {
        guard tensor.type.elementCount <= Constant.valueCountLimit else { return nil }
        let values = tensor.doubles
        if let integers = tensor.integers {
            guard integers.allSatisfy({ $0.magnitude <= 1 << 53 }) else { return nil }
        } else if !tensor.type.elementType.isFloatingPoint {
            return nil
        }
        let isSplat = values.allSatisfy { $0.bitPattern == values[0].bitPattern }
        self.init(tensor.type.elementType, tensor.shape, isSplat && !values.isEmpty ? [values[0]] : values)
    }
}
