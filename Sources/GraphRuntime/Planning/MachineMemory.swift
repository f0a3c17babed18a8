import Files
import Foundation
import GraphIR
import Tensors

/// What fits the machine's memory. Asked before anything is allocated, so that sizes from files and command lines end in a message.
public enum MachineMemory {
    public static var byteCount: Int { Int(clamping: ProcessInfo.processInfo.physicalMemory) }

    /// Throws where so many bytes are more than the machine has.
    public static func require(bytes: Int, what: @autoclosure () -> String, advice: String? = nil) throws {
        guard bytes > byteCount else { return }
        throw InputError("\(what()) takes \(text(bytes)) of memory, more than the \(text(byteCount)) of this machine", advice: advice)
    }

    /// The bytes of several tensors, or the largest integer where there are more.
    public static func byteCount(of types: some Sequence<TensorType>) -> Int {
        types.reduce(0) { sum, type in
            let (total, overflow) = sum.addingReportingOverflow(type.byteCount)
            return overflow ? .max : total
        }
    }

    private static func text(_ bytes: Int) -> String { String(format: "%.1f GiB", Double(bytes) / Double(1 << 30)) }
}

extension Graph {
    /// Throws where one of the values, or all inputs together, cannot be in the machine's memory.
    public func requireMemory() throws {
        try MachineMemory.require(bytes: MachineMemory.byteCount(of: inputs.map(type)), what: "what '\(name)' reads")
        for id in order {
            guard let type = resultTypes(self[id]).first(where: { $0.byteCount > MachineMemory.byteCount }) else { continue }
            do { try MachineMemory.require(bytes: type.byteCount, what: "a value of type \(type)") } catch let error as InputError {
                throw error.at("\(name): %\(name(of: id))")
            }
        }
    }
}

extension ProgramPlan {
    /// Throws where inputs, values and outputs cannot be in the machine's memory at once.
    func requireMemory() throws {
        try graph.requireMemory()
        let signature = MachineMemory.byteCount(of: (graph.inputs + graph.outputs.map(\.value)).map(graph.type))
        let (total, overflow) = signature.addingReportingOverflow(memory.arenaByteCount)
        try MachineMemory.require(bytes: overflow ? .max : total, what: "running '\(graph.name)'")
    }
}
