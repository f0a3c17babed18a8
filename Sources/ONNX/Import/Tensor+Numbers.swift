import Operators
import TensorFiles
import Tensors

extension Tensor {
    /// The elements of an integer or bool tensor; nil for floats and for what no Int holds.
    var integers: [Int]? {
        func read<Element: FixedWidthInteger & BitwiseCopyable>(_: Element.Type) -> [Int]? {
            withElements { (elements: UnsafeBufferPointer<Element>) in
                let result = elements.compactMap { Int(exactly: $0) }
                return result.count == elements.count ? result : nil
            }
        }
        return switch type.elementType {
        case .int64: read(Int64.self)
        case .int32: read(Int32.self)
        case .int16: read(Int16.self)
        case .int8: read(Int8.self)
        case .uint64: read(UInt64.self)
        case .uint32: read(UInt32.self)
        case .uint16: read(UInt16.self)
        case .uint8, .bool: read(UInt8.self)
        case .float32, .float16, .bfloat16, .float64: nil
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
