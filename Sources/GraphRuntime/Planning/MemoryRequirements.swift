import Files
import GraphIR
import Tensors

extension Graph {
    /// Bytes of several values, or the largest integer where there are more.
    fileprivate func byteCount(of values: [ValueID]) -> Int {
        values.reduce(0) { sum, id in
            let (total, overflow) = sum.addingReportingOverflow(type(id).byteCount)
            return overflow ? .max : total
        }
    }

    /// What a run is given, and what it gives back.
    public var signatureByteCount: Int { byteCount(of: inputs + outputs.map(\.value)) }

    /// Throws where one of the values, or all inputs together, cannot be in the machine's memory.
    public func requireMemory() throws {
        try AvailableMemory.requireMachine(byteCount(of: inputs), for: "what '\(name)' reads")
        for id in order {
            guard let type = resultTypes(self[id]).first(where: { $0.byteCount > AvailableMemory.machineByteCount }) else { continue }
            do { try AvailableMemory.requireMachine(type.byteCount, for: "a value of type \(type)") } catch let error as InputError {
                throw error.at("\(name): %\(name(of: id))")
            }
        }
    }
}

extension ProgramPlan {
    /// Throws where inputs, values and outputs cannot be in the machine's memory at once.
    func requireMemory() throws {
        // Strips need not have a value there as a whole.
        if !options.isLimited { try graph.requireMemory() }
        let (total, overflow) = graph.signatureByteCount.addingReportingOverflow(memory.arenaByteCount)
        try AvailableMemory.requireMachine(overflow ? .max : total, for: "running '\(graph.name)'")
    }
}
