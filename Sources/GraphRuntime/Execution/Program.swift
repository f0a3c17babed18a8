import Files
import Foundation
import GraphIR
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
        if !options.isLimited { try graph.requireMemory() }
        let plan = try ProgramPlan(graph, parameters: parameters, options: options)
        self.init(plan, try PackedParameters(plan, progress: nil))
    }

    /// What an observer is told after each step.
    public struct StepReport {
        public let index: Int
        public let step: ProgramPlan.Step
        public let seconds: Double
        fileprivate let execution: Execution

        /// Copies of the step's ``ProgramPlan/Step/values``. To be asked for before the next step runs.
        public var results: [Tensor] { execution.results(of: self) }
    }

    /// Runs the program.
    ///
    /// - `inputs`: a tensor for each of the graph's inputs, of its very type. Others are ignored.
    /// - `observer`: told after each step.
    /// - `duringStep`: told the share of a step that is done, after each strip of a step that runs in strips.
    /// - Returns: the outputs, in memory of their own.
    public func run(
        _ inputs: [String: Tensor], in workspace: Workspace, observer: ((StepReport) throws -> Void)? = nil,
        duringStep: ((_ step: ProgramPlan.Step, _ share: Double) throws -> Void)? = nil
    ) throws -> [String: Tensor] {
        let execution = try begin(inputs, in: workspace)
        var failure: (any Error)?
        func goesOn(_ step: ProgramPlan.Step, _ share: Double) -> Bool {
            do { try duringStep?(step, share) } catch { failure = error }
            return failure == nil
        }
        while let report = execution.advance(goesOn) {
            if let failure { throw failure }
            try observer?(report)
        }
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
        private let arena: Memory
        /// Those outputs that are written where they stay.
        private let outputMemory: [Memory?]
        private var next = 0

        fileprivate init(program: Program, inputs: [Tensor], workspace: Workspace) {
            self.program = program
            self.inputs = inputs
            self.workspace = workspace
            arena = workspace.take(program.plan.memory.arenaByteCount)
            outputMemory = zip(program.graph.outputs, program.plan.outputs).enumerated().map { index, output in
                guard case .output(index, offset: _) = output.1 else { return nil }
                return Memory(byteCount: program.graph.type(output.0.value).byteCount)
            }
        }

        deinit { workspace.giveBack(arena) }

        /// Where a value is, as long as this lives.
        private func address(_ location: ProgramPlan.Location) -> UnsafeMutableRawPointer {
            switch location {
            case .arena(let offset): arena.address + offset
            case .output(let index, let offset): outputMemory[index]!.address + offset
            case .input(let index, let offset): inputs[index].storage.address + inputs[index].byteOffset + offset
            case .parameter(let index, let offset):
                program.parameters.plain[index].storage.address + program.parameters.plain[index].byteOffset + offset
            case .literal(let tensor, let offset): tensor.storage.address + tensor.byteOffset + offset
            case .nowhere: arena.address
            }
        }

        private func tensor(_ type: TensorType, at location: ProgramPlan.Location) -> Tensor {
            withExtendedLifetime(self) { Tensor(type, copying: UnsafeRawBufferPointer(start: address(location), count: type.byteCount)) }
        }

        fileprivate func results(of report: StepReport) -> [Tensor] {
            precondition(next == report.index + 1, "another step has run")
            let types = report.step.values.map(program.graph.type)
            return zip(types, report.step.results).enumerated().map { index, result in
                guard index == 0, report.step.narrowResult else { return tensor(result.0, at: result.1) }
                let stored = tensor(TensorType(.bfloat16, result.0.shape, layout: result.0.layout), at: result.1)
                return Tensor(result.0) { floats in stored.withBytes { ElementConversion.convertToFloat32($0, .bfloat16, into: floats) } }
            }
        }

        /// Runs the next step; nil when all are done.
        public func advance() -> StepReport? { advance { _, _ in true } }

        fileprivate func advance(_ goesOn: (ProgramPlan.Step, Double) -> Bool) -> StepReport? {
            guard next < program.steps.count else { return nil }
            defer { next += 1 }
            let step = program.steps[next]
            let start = DispatchTime.now().uptimeNanoseconds
            withoutActuallyEscaping(goesOn) { goesOn in
                withExtendedLifetime(self) {
                    step.kernel.run(
                        KernelArguments(
                            operands: step.operands.map(address), results: step.results.map(address),
                            packed: program.parameters.packed[next].map { UnsafeRawPointer($0.address) }, scratch: arena.address + step.scratch,
                            pool: program.plan.options.pool, goesOn: { goesOn(step, $0) }))
                }
            }
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
            return StepReport(index: next, step: step, seconds: seconds, execution: self)
        }

        /// The outputs, once all steps are done.
        public func outputs() -> [String: Tensor] {
            precondition(next == program.steps.count, "a run that is not done")
            return Dictionary(
                uniqueKeysWithValues: zip(program.graph.outputs, program.plan.outputs).enumerated().map { index, output in
                    let type = program.graph.type(output.0.value)
                    guard let memory = outputMemory[index] else { return (output.0.name, tensor(type, at: output.1)) }
                    return (output.0.name, Tensor(type: type, storage: memory))
                })
        }
    }
}

/// Memory that runs take and give back, so that it is not asked of the system each time. Runs at the same time have their own.
public final class Workspace: Sendable {
    private let idle = Locked<Memory?>(nil)

    public init() {}

    /// What is kept goes.
    public func release() { idle.withLock { $0 = nil } }

    fileprivate func take(_ byteCount: Int) -> Memory {
        var memory = idle.withLock { $0.take() }
        if let memory, memory.byteCount >= byteCount { return memory }
        memory = nil  // goes before the new memory comes
        return Memory(byteCount: max(byteCount, Storage.alignment))
    }

    /// Keeps the larger of two.
    fileprivate func giveBack(_ memory: Memory) {
        idle.withLock { kept in if memory.byteCount > kept?.byteCount ?? 0 { kept = memory } }
    }
}
