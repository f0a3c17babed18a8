import Files
import Foundation
import GraphIR
import Synchronization
import Tensors

/// A graph made ready to run: its plan, with the packed parameters in memory.
///
/// Immutable. The numbers of a run live in memory of its own, so that several threads may run a program at once.
public final class Program: Sendable {
    public let plan: ProgramPlan
    fileprivate let parameters: PackedParameters

    public var graph: Graph { plan.graph }
    public var steps: [ProgramPlan.Step] { plan.steps }

    init(_ plan: ProgramPlan, _ parameters: PackedParameters) { (self.plan, self.parameters) = (plan, parameters) }

    /// Plans and packs.
    public convenience init(_ graph: Graph, parameters: ParameterStore, options: RuntimeOptions) throws {
        // Before anything is planned for a value that no run can have.
        try graph.requireMemory()
        let plan = try ProgramPlan(graph, parameters: parameters, options: options)
        self.init(plan, try PackedParameters(plan, progress: nil))
    }

    /// What an observer is told after each step.
    public struct StepReport {
        public let index: Int
        public let step: ProgramPlan.Step
        public let seconds: Double
        fileprivate let types: [TensorType]
        fileprivate let pointers: [UnsafeMutableRawPointer]

        /// Copies of the results. To be asked for before the next step runs.
        public var results: [Tensor] {
            types.indices.map { index in
                guard index == 0, step.narrowResult else { return Tensor(type: types[index], copying: pointers[index]) }
                let result = Tensor(types[index])
                let stored = UnsafeRawBufferPointer(start: pointers[index], count: result.floats.count * ElementType.bfloat16.byteSize)
                ElementConversion.convertToFloat32(stored, .bfloat16, into: result.floats)
                return result
            }
        }
    }

    /// Runs the program.
    ///
    /// - Parameters:
    ///   - inputs: a tensor for each of the graph's inputs, of its very type. Others are ignored.
    ///   - observer: told after each step.
    /// - Returns: the outputs, in memory of their own.
    public func run(_ inputs: [String: Tensor], in workspace: Workspace, observer: ((StepReport) throws -> Void)? = nil) throws
        -> [String: Tensor]
    {
        let execution = try begin(inputs, in: workspace)
        while let report = execution.advance() { try observer?(report) }
        return execution.outputs()
    }

    /// Starts a run that goes on step by step.
    public func begin(_ inputs: [String: Tensor], in workspace: Workspace) throws -> Execution {
        let bound = try graph.inputs.map { id -> Tensor in
            let value = graph[id]
            guard let tensor = inputs[value.name] else { throw InputError("no tensor for input '\(value.name)' of '\(graph.name)'") }
            guard tensor.type == value.type else {
                throw InputError("input '\(value.name)' of '\(graph.name)' is \(value.type), not \(tensor.type)")
            }
            return tensor
        }
        return Execution(program: self, inputs: bound, workspace: workspace)
    }

    /// A run of a program that is under way. One thread at a time goes on with it.
    public final class Execution {
        private let program: Program
        private let inputs: [Tensor]
        private let workspace: Workspace
        private let storage: Storage
        private var next = 0

        fileprivate init(program: Program, inputs: [Tensor], workspace: Workspace) {
            self.program = program
            self.inputs = inputs
            self.workspace = workspace
            storage = workspace.take(program.plan.memory.arenaByteCount)
        }

        deinit { workspace.giveBack(storage) }

        private var arena: UnsafeMutableRawPointer { storage.bytes.baseAddress! }

        private func pointer(_ location: ProgramPlan.Location) -> UnsafeMutableRawPointer {
            switch location {
            case .arena(let offset): arena + offset
            case .input(let index, let offset): inputs[index].bytes.baseAddress! + offset
            case .parameter(let index, let offset): program.parameters.plain[index].bytes.baseAddress! + offset
            case .literal(let tensor, let offset): tensor.bytes.baseAddress! + offset
            case .nowhere: arena
            }
        }

        /// Runs the next step; nil when all are done.
        public func advance() -> StepReport? {
            guard next < program.steps.count else { return nil }
            defer { next += 1 }
            let step = program.steps[next]
            let arguments = KernelArguments(
                operands: step.operands.map(pointer), results: step.results.map(pointer),
                packed: program.parameters.packed[next].map { UnsafeRawPointer($0.bytes.baseAddress!) }, scratch: arena + step.scratch,
                pool: program.plan.options.pool)
            let start = DispatchTime.now().uptimeNanoseconds
            step.kernel.run(arguments)
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
            return StepReport(
                index: next, step: step, seconds: seconds, types: program.graph[step.node].results.map(program.graph.type),
                pointers: arguments.results)
        }

        /// Copies of the outputs, once all steps are done.
        public func outputs() -> [String: Tensor] {
            precondition(next == program.steps.count, "a run that is not done")
            return Dictionary(
                uniqueKeysWithValues: zip(program.graph.outputs, program.plan.outputs).map { output, location in
                    (output.name, Tensor(type: program.graph.type(output.value), copying: pointer(location)))
                })
        }
    }
}

/// Memory that runs take and give back, so that it is not asked of the system each time. Runs at the same time have their own.
public final class Workspace: Sendable {
    private let idle = Mutex<Storage?>(nil)

    public init() {}

    fileprivate func take(_ byteCount: Int) -> Storage {
        var storage = idle.withLock { $0.take() }
        if let storage, storage.bytes.count >= byteCount { return storage }
        storage = nil  // goes before the new memory comes
        return Storage(byteCount: max(byteCount, Storage.alignment))
    }

    /// Keeps the larger of two.
    fileprivate func giveBack(_ storage: Storage) {
        idle.withLock { kept in if storage.bytes.count > kept?.bytes.count ?? 0 { kept = storage } }
    }
}

extension Tensor {
    init(type: TensorType, copying pointer: UnsafeMutableRawPointer) {
        self.init(type)
        if type.byteCount > 0 { bytes.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: type.byteCount)) }
    }
}
