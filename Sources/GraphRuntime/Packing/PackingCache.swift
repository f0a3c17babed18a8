import CKernels
import Tensors

/// Keeps packed parameters from process to process.
public protocol PackingCache: Sendable {
    /// The bytes of all packings of a program, by key; nil where they are not kept, or not as they were.
    func kept(_ packings: [Packing]) -> [String: Storage]?

    /// Whether they seem to be kept, without a look into them.
    func seemsKept(_ packings: [Packing]) -> Bool

    /// A program's packings are ready, and were not kept.
    func keep(_ packings: [(packing: Packing, storage: Storage)])
}

extension ProgramPlan {
    /// Whether its packings need only be mapped, and checked.
    public var seemsKept: Bool { store.cache?.seemsKept(packings) ?? false }
}

extension Storage {
    /// Tells damage, about as fast as memory is read.
    public var checksum: UInt64 { withBytes { dd_checksum($0.baseAddress, Int64($0.count)) } }
}
