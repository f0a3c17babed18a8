import CKernels
import Files
import Foundation
import Tensors

/// Where parameters come from: a model file, or tensors in memory.
public protocol ParameterSource: Sendable {
    /// The tensor as it is stored.
    func parameter(_ key: String) throws -> Tensor
    /// Says that the tensor's pages are not needed for now.
    func releasePages(_ key: String)
}

extension ParameterSource {
    public func releasePages(_ key: String) {}
}

/// Parameters in the arrangements that kernels read. Each arrangement is made once and shared by all programs that hold it;
/// it goes when the last of them goes.
public final class ParameterStore: @unchecked Sendable {
    private let source: any ParameterSource
    private let pool: ThreadPool
    private let lock = NSRecursiveLock()  // filling one arrangement may need another
    private var arrangements: [String: WeakStorage] = [:]

    private struct WeakStorage { weak var storage: Storage? }

    private let arranges: Bool
    /// Bytes of all arrangements that were asked for.
    public private(set) var arrangedByteCount = 0

    /// - Parameter arranges: whether arrangements are made. Without, programs can be planned and looked at at once, but not run.
    public init(source: any ParameterSource, pool: ThreadPool, arranges: Bool = true) {
        self.source = source
        self.pool = pool
        self.arranges = arranges
    }

    /// The tensor as it is stored.
    public func stored(_ key: String) throws -> Tensor { try source.parameter(key) }

    /// The tensor as a graph declares it: floats as float32 whatever the file stores, all else as it is stored.
    public func tensor(_ key: String, _ type: TensorType) throws -> Tensor {
        try check(key, type)
        return type.elementType == .float32 ? try float32(key) : try stored(key)
    }

    /// Throws where what is stored cannot be what a graph declares.
    func check(_ key: String, _ type: TensorType) throws {
        let stored = try stored(key).type
        let isConverted = type.elementType == .float32 && stored.elementType.isFloatingPoint
        guard stored.shape == type.shape, stored.elementType == type.elementType || isConverted else {
            throw InputError("the model holds \(stored) where the graph takes \(type)", at: key)
        }
    }

    /// The tensor as float32: the file's own bytes where they are that already.
    public func float32(_ key: String) throws -> Tensor {
        let tensor = try stored(key)
        guard tensor.type.elementType != .float32 else { return tensor }
        let type = TensorType(.float32, tensor.shape)
        let storage = try arrangement("float32 \(key)", byteCount: type.byteCount, of: [key], isTensor: true) { memory in
            dd_convert(
                pool.handle, memory, DD_F32, tensor.bytes.baseAddress, tensor.type.elementType.kernelType,
                Int64(type.elementCount))
        }
        return Tensor(type: type, storage: storage)
    }

    /// An arrangement of some parameters, made by `fill` unless a program holds it already.
    ///
    /// - Parameter isTensor: has its size even where arrangements are not made; others are then no more than an address.
    public func arrangement(
        _ name: String, byteCount: Int, of keys: [String], isTensor: Bool = false, fill: (UnsafeMutableRawPointer) throws -> Void
    ) throws -> Storage {
        lock.lock()
        defer { lock.unlock() }
        if let storage = arrangements[name]?.storage { return storage }
        let storage = Storage(byteCount: arranges || isTensor ? byteCount : Storage.alignment)
        arrangements[name] = WeakStorage(storage: storage)
        arrangedByteCount += byteCount
        guard arranges else { return storage }
        try fill(storage.bytes.baseAddress!)
        // The plain tensor has served; keeping its pages would hold every weight twice.
        for key in keys { source.releasePages(key) }
        return storage
    }
}

extension ElementType {
    var kernelType: dd_element {
        switch self {
        case .float32: DD_F32
        case .float16: DD_F16
        case .bfloat16: DD_BF16
        case .float64: DD_F64
        case .int64: DD_I64
        case .int32: DD_I32
        case .int16: DD_I16
        case .int8: DD_I8
        case .uint8: DD_U8
        case .bool: DD_BOOL
        case .uint16: DD_U16
        case .uint32: DD_U32
        case .uint64: DD_U64
        }
    }
}
