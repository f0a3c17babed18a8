import CKernels
import Files
import Tensors

/// Where parameters come from: a model file, or tensors in memory. May be asked by several threads at once.
public protocol ParameterSource: Sendable {
    /// The tensor as it is stored.
    func parameter(_ key: String) throws -> Tensor
    /// The type of ``parameter(_:)``, where it is known without it.
    func parameterType(_ key: String) throws -> TensorType
    /// Says that the tensor's pages are not needed for now.
    func releasePages(_ key: String)
}

extension ParameterSource {
    public func parameterType(_ key: String) throws -> TensorType { try parameter(key).type }
    public func releasePages(_ key: String) {}
}

/// A model's parameters, as they are stored and packed. A packing is filled once and shared by all programs that hold it; its memory goes with the last of
/// them. Programs may be packed by several threads at once.
public final class ParameterStore: Sendable {
    private let source: any ParameterSource
    let pool: ThreadPool
    /// By key of their packing.
    private let entries = Locked<[String: Entry]>([:])

    /// The memory of a packing, while somebody holds it. Locked while it is filled: who wants it meanwhile waits.
    private final class Entry: Sendable {
        struct Held { weak var storage: Storage? }
        let held = Locked(Held())
    }

    public init(source: any ParameterSource, pool: ThreadPool) {
        self.source = source
        self.pool = pool
    }

    /// The tensor as it is stored.
    public func stored(_ key: String) throws -> Tensor { try source.parameter(key) }

    /// The tensor as float32: the file's own bytes where they are that already.
    public func float32(_ key: String) throws -> Tensor {
        let type = try source.parameterType(key)
        guard type.elementType != .float32 else { return try stored(key) }
        let storage = try packed(.float32(key, elementCount: type.elementCount))
        return Tensor(type: TensorType(.float32, type.shape), storage: storage)
    }

    /// What a graph's parameter of that type needs to be: nothing where it is stored so, or its conversion.
    ///
    /// - Throws: where what is stored cannot be what the graph declares.
    func packing(_ key: String, as type: TensorType) throws -> Packing? {
        let stored = try source.parameterType(key)
        let isConverted = type.elementType == .float32 && stored.elementType.isFloatingPoint
        guard stored.shape == type.shape, stored.elementType == type.elementType || isConverted else {
            throw InputError("the model holds \(stored) where the graph takes \(type)", at: key)
        }
        return stored.elementType == type.elementType ? nil : .float32(key, elementCount: type.elementCount)
    }

    /// The memory of a packing: a program's that holds it, or else filled now.
    func packed(_ packing: Packing) throws -> Storage {
        let entry = entries.withLock { entries in
            if let entry = entries[packing.key] { return entry }
            let entry = Entry()
            entries[packing.key] = entry
            return entry
        }
        return try entry.held.withLock { held in
            if let storage = held.storage { return storage }
            let memory = Memory(byteCount: packing.byteCount)
            try memory.withMutableBytes { try packing.fill($0.baseAddress!, self) }
            let storage = memory.frozen
            held.storage = storage
            // The plain tensors have served; keeping their pages would hold every weight twice.
            for key in packing.parameters { source.releasePages(key) }
            return storage
        }
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
