import CKernels
import Tensors

/// Keeps packed parameters from process to process.
public protocol PackingCache: Sendable {
    /// The bytes of those of a program's packings that are kept, and are as they were, by key.
    func kept(_ packings: [Packing]) -> [String: Storage]

    /// How many bytes of them seem to be kept, without a look into them.
    func keptByteCount(of packings: [Packing]) -> Int

    /// Those of a program's packings that were not kept are ready.
    func keep(_ packings: [(packing: Packing, storage: Storage)])
}

extension ProgramPlan {
    /// Bytes of its packings that need only be mapped, and checked.
    public var keptByteCount: Int { store.cache?.keptByteCount(of: packings) ?? 0 }
}

extension Storage {
    /// Tells damage, about as fast as memory is read.
    public var checksum: UInt64 { withBytes { dd_checksum($0.baseAddress, Int64($0.count)) } }
}
