/// Numbers in memory, with their type. A value: copies share their bytes until one is changed, and a file's bytes are copied then, too.
public struct Tensor: Sendable {
    public let type: TensorType
    public private(set) var storage: Storage
    public private(set) var byteOffset: Int

    public init(type: TensorType, storage: Storage, byteOffset: Int = 0) {
        precondition(byteOffset >= 0 && byteOffset + type.byteCount <= storage.byteCount, "tensor outside its storage")
        self.type = type
        self.storage = storage
        self.byteOffset = byteOffset
    }

    /// Zeros.
    public init(_ type: TensorType) { self.init(type: type, storage: Memory(byteCount: type.byteCount)) }

    /// Numbers that `fill` writes over zeros, in memory order.
    public init<Element: BitwiseCopyable>(_ type: TensorType, filling fill: (UnsafeMutableBufferPointer<Element>) throws -> Void) rethrows {
        self.init(type)
        try withMutableElements(fill)
    }

    /// Numbers in row-major order, of the type's own kind: `Float` for ``ElementType/float32``, `Int32` for ``ElementType/int32``.
    public init<Element: BitwiseCopyable>(_ type: TensorType, _ values: [Element]) {
        precondition(values.count == type.elementCount)
        self.init(type) { (elements: UnsafeMutableBufferPointer<Element>) in _ = elements.update(fromContentsOf: values) }
    }

    /// float32 numbers in row-major order.
    public init(_ values: [Float], shape: Shape) { self.init(TensorType(.float32, shape), values) }

    public init(_ values: [Int32], shape: Shape) { self.init(TensorType(.int32, shape), values) }

    public var shape: Shape { type.shape }

    /// The bytes, for the time of the call.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try storage.withBytes { try body(UnsafeRawBufferPointer(rebasing: $0[byteOffset..<byteOffset + type.byteCount])) }
    }

    /// The bytes, for the time of the call, to be changed. Where others hold them too, or they are a file's, they are copied first.
    public mutating func withMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) throws -> Result) rethrows -> Result {
        if !isKnownUniquelyReferenced(&storage) || !(storage is Memory) { self = copy() }
        let range = byteOffset..<byteOffset + type.byteCount
        return try unsafeDowncast(storage, to: Memory.self).withMutableBytes { try body(UnsafeMutableRawBufferPointer(rebasing: $0[range])) }
    }

    /// The elements in memory order, for the time of the call. Their size must be the type's.
    public func withElements<Element: BitwiseCopyable, Result>(_ body: (UnsafeBufferPointer<Element>) throws -> Result) rethrows -> Result {
        precondition(MemoryLayout<Element>.stride == type.elementType.byteSize, "not elements of \(type)")
        return try withBytes { try body($0.bindMemory(to: Element.self)) }
    }

    public mutating func withMutableElements<Element: BitwiseCopyable, Result>(
        _ body: (UnsafeMutableBufferPointer<Element>) throws -> Result
    ) rethrows -> Result {
        precondition(MemoryLayout<Element>.stride == type.elementType.byteSize, "not elements of \(type)")
        return try withMutableBytes { try body($0.bindMemory(to: Element.self)) }
    }

    /// The elements of a float32 tensor in memory order, for the time of the call.
    public func withFloats<Result>(_ body: (UnsafeBufferPointer<Float>) throws -> Result) rethrows -> Result {
        precondition(type.elementType == .float32, "not a float32 tensor: \(type)")
        return try withElements(body)
    }

    /// The same, to be changed.
    public mutating func withMutableFloats<Result>(_ body: (UnsafeMutableBufferPointer<Float>) throws -> Result) rethrows -> Result {
        precondition(type.elementType == .float32, "not a float32 tensor: \(type)")
        return try withMutableElements(body)
    }

    /// A copy of the elements of a float32 tensor, in memory order.
    public var floatArray: [Float] { withFloats(Array.init) }

    /// Each element of a float32 tensor by itself.
    public func map(_ body: (Float) -> Float) -> Tensor {
        withFloats { x in Tensor(type) { (y: UnsafeMutableBufferPointer<Float>) in for index in x.indices { y[index] = body(x[index]) } } }
    }

    /// The same numbers in memory of their own.
    public func copy() -> Tensor { withBytes { Tensor(type, copying: $0) } }

    /// - `bytes`: as many as the type takes.
    public init(_ type: TensorType, copying bytes: UnsafeRawBufferPointer) {
        let memory = Memory(byteCount: type.byteCount)
        memory.withMutableBytes { $0.copyMemory(from: bytes) }
        self.init(type: type, storage: memory)
    }

    /// The same numbers in another layout: the tensor itself where it has that one.
    public func converted(to layout: Layout) -> Tensor {
        guard type.layout != layout else { return self }
        var result = Tensor(TensorType(type.elementType, shape, layout: layout))
        let (x, y) = (type.memoryStrides, result.type.memoryStrides)
        func copy<Element: BitwiseCopyable>(_: Element.Type) {
            withElements { (from: UnsafeBufferPointer<Element>) in
                result.withMutableElements { (to: UnsafeMutableBufferPointer<Element>) in
                    for n in 0..<shape[0] {
                        for h in 0..<shape[2] {
                            for w in 0..<shape[3] {
                                let (source, target) = (n * x[0] + h * x[2] + w * x[3], n * y[0] + h * y[2] + w * y[3])
                                for c in 0..<shape[1] { to[target + c * y[1]] = from[source + c * x[1]] }
                            }
                        }
                    }
                }
            }
        }
        switch type.elementType.byteSize {
        case 1: copy(UInt8.self)
        case 2: copy(UInt16.self)
        case 4: copy(UInt32.self)
        default: copy(UInt64.self)
        }
        return result
    }

    /// The same bytes seen with another shape of as many elements.
    public func reshaped(_ shape: Shape) -> Tensor {
        precondition(shape.elementCount == type.elementCount)
        return Tensor(type: TensorType(type.elementType, shape), storage: storage, byteOffset: byteOffset)
    }
}
