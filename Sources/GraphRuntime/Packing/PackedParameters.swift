import Files
import GraphIR
import Tensors

/// What a program reads of the model, in memory.
struct PackedParameters: Sendable {
    /// ``ProgramPlan/parameters``.
    let plain: [Tensor]
    /// Of each step, its kernel's packings.
    let packed: [[Storage]]

    init(_ plan: ProgramPlan, progress: ((Int) throws -> Void)?) throws {
        // Before anything is packed for what no run can have.
        try plan.requireMemory()
        var storages: [String: Storage] = [:]
        var done = 0
        for packing in plan.packings {
            storages[packing.key] = try plan.store.packed(packing)
            done += packing.byteCount
            try progress?(done)
        }
        plain = try plan.parameters.map { parameter in
            guard let packing = parameter.packing else { return try plan.store.stored(parameter.key) }
            return Tensor(type: parameter.type, storage: storages[packing.key]!)
        }
        packed = plan.steps.map { $0.kernel.packings.map { storages[$0.key]! } }
    }
}

extension ProgramPlan {
    /// The program that runs so.
    ///
    /// - Parameter progress: told the bytes that are ready after each packing, of ``packedByteCount``; what it throws ends the work.
    /// - Throws: `InputError` where a value cannot be in the machine's memory, or a parameter cannot be read.
    public func pack(progress: ((_ byteCount: Int) throws -> Void)? = nil) throws -> Program {
        Program(self, try PackedParameters(self, progress: progress))
    }
}
