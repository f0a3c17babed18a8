/// Numbers in memory, with their type. A value of this type is a reference to shared bytes; copy with ``copy()``.
public struct Tensor: @unchecked Sendable {
    public let type: TensorType
    public let storage: Storage
    public let byteOffset: Int

    public init(type: TensorType, storage: Storage, byteOffset: Int = 0) {
        precondition(byteOffset >= 0 && byteOffset + type.byteCount <= storage.bytes.count, "tensor outside its storage")
        self.type = type
        self.storage = storage
        self.byteOffset = byteOffset
    }

    /// Zeros.
    public init(_ type: TensorType) {
        self.init(type: type, storage: Storage(byteCount: type.byteCount))
    }

    /// float32 numbers in row-major order.
    public init(_ values: [Float], shape: Shape) {
        precondition(values.count == shape.elementCount)
        self.init(TensorType(.float32, shape))
        _ = floats.update(fromContentsOf: values)
    }

    public init(_ values: [Int32], shape: Shape) {
        precondition(values.count == shape.elementCount)
        self.init(TensorType(.int32, shape))
        _ = bytes.bindMemory(to: Int32.self).update(fromContentsOf: values)
    }

    public var shape: Shape { type.shape }

    public var bytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: storage.bytes[byteOffset..<byteOffset + type.byteCount])
    }

    /// The elements of a float32 tensor, in memory order.
    public var floats: UnsafeMutableBufferPointer<Float> {
        precondition(type.elementType == .float32, "not a float32 tensor: \(type)")
        return bytes.bindMemory(to: Float.self)
    }

    /// A copy of the elements of a float32 tensor, in memory order.
    public var floatArray: [Float] { withExtendedLifetime(storage) { Array(floats) } }

    public func copy() -> Tensor {
        let result = Tensor(type)
        if type.byteCount > 0 { result.bytes.copyMemory(from: UnsafeRawBufferPointer(bytes)) }
        return result
    }

    /// The same numbers in another layout: the tensor itself where it has that one.
    public func converted(to layout: Layout) -> Tensor {
        guard type.layout != layout else { return self }
        let result = Tensor(TensorType(type.elementType, shape, layout: layout))
        func copy<Element: BitwiseCopyable>(_: Element.Type) {
            let (from, to) = (bytes.bindMemory(to: Element.self), result.bytes.bindMemory(to: Element.self))
            let (x, y) = (type.memoryStrides, result.type.memoryStrides)
            for n in 0..<shape[0] {
                for h in 0..<shape[2] {
                    for w in 0..<shape[3] {
                        let (source, target) = (n * x[0] + h * x[2] + w * x[3], n * y[0] + h * y[2] + w * y[3])
                        for c in 0..<shape[1] { to[target + c * y[1]] = from[source + c * x[1]] }
                    }
                }
            }
        }
        withExtendedLifetime((storage, result)) {
            switch type.elementType.byteSize {
            case 1: copy(UInt8.self)
            case 2: copy(UInt16.self)
            case 4: copy(UInt32.self)
            default: copy(UInt64.self)
            }
        }
        return result
    }

    /// The same bytes seen with another shape of as many elements.
    public func reshaped(_ shape: Shape) -> Tensor {
        precondition(shape.elementCount == type.elementCount)
        return Tensor(type: TensorType(type.elementType, shape), storage: storage, byteOffset: byteOffset)
    }
}
