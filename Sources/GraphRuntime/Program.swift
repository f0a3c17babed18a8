import Files
import Foundation
import GraphIR
import Tensors

/// A graph made ready to run: kernel calls in order, and a place in memory for every value.
///
/// Immutable. The numbers live in a ``Workspace``, which programs may share as long as they do not run at once.
public final class Program: @unchecked Sendable {
    /// Where the bytes of a value are found.
    enum Location {
        case arena(Int)
        case input(Int, offset: Int)
        /// The tensor is kept so that its memory stays.
        case parameter(Tensor, offset: Int)
        /// Never read: a prepared parameter, or an operand of which only the type matters.
        case nowhere
    }

    public struct Step {
        public let node: NodeID
        public let kernel: Kernel
        let operands: [Location]
        let results: [Location]
        let scratch: Int
        /// Whether the first result is stored as bfloat16.
        let narrowResult: Bool
    }

    public let graph: Graph
    public let steps: [Step]
    public let plan: MemoryPlan
    fileprivate let outputLocations: [Location]
    fileprivate let options: RuntimeOptions

    /// Chooses kernels, arranges parameters and plans memory.
    public convenience init(_ graph: Graph, parameters: ParameterStore, options: RuntimeOptions) throws {
        let parts = try ProgramBuilder.build(graph, parameters: parameters, options: options)
        self.init(graph: graph, parts: parts, options: options)
    }

    private init(graph: Graph, parts: ProgramBuilder.Parts, options: RuntimeOptions) {
        self.graph = graph
        self.options = options
        steps = parts.steps
        plan = parts.plan
        outputLocations = parts.outputs
    }

    /// What an observer is told after each step.
    public struct StepReport {
        public let index: Int
        public let step: Step
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

    /// Starts a run that goes on step by step. Until it is done nothing else may use the workspace.
    public func begin(_ inputs: [String: Tensor], in workspace: Workspace) throws -> Execution {
        try requireMemory()
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

    /// A run of a program that is under way.
    public final class Execution {
        private let program: Program
        private let inputs: [Tensor]
        private let workspace: Workspace
        private let arena: UnsafeMutableRawPointer
        private var next = 0

        fileprivate init(program: Program, inputs: [Tensor], workspace: Workspace) {
            self.program = program
            self.inputs = inputs
            self.workspace = workspace
            arena = workspace.reserve(program.plan.arenaByteCount)
        }

        private func pointer(_ location: Location) -> UnsafeMutableRawPointer {
            switch location {
            case .arena(let offset): arena + offset
            case .input(let index, let offset): inputs[index].bytes.baseAddress! + offset
            case .parameter(let tensor, let offset): tensor.bytes.baseAddress! + offset
            case .nowhere: arena
            }
        }

        /// Runs the next step; nil when all are done.
        public func advance() -> StepReport? {
            guard next < program.steps.count else { return nil }
            defer { next += 1 }
            let step = program.steps[next]
            let arguments = KernelArguments(
                operands: step.operands.map(pointer), results: step.results.map(pointer), scratch: arena + step.scratch,
                pool: program.options.pool)
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
                uniqueKeysWithValues: zip(program.graph.outputs, program.outputLocations).map { output, location in
                    (output.name, Tensor(type: program.graph.type(output.value), copying: pointer(location)))
                })
        }
    }
}

/// Memory that programs run in.
public final class Workspace: @unchecked Sendable {
    private var storage: Storage?

    public init() {}

    public var byteCount: Int { storage?.bytes.count ?? 0 }

    func reserve(_ byteCount: Int) -> UnsafeMutableRawPointer {
        if storage == nil || storage!.bytes.count < byteCount {
            storage = nil  // gives the old memory back before taking the new
            storage = Storage(byteCount: max(byteCount, Storage.alignment))
        }
        return storage!.bytes.baseAddress!
    }

    /// Gives the memory back until the next run.
    public func clear() { storage = nil }
}

extension Tensor {
    init(type: TensorType, copying pointer: UnsafeMutableRawPointer) {
        self.init(type)
        if type.byteCount > 0 { bytes.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: type.byteCount)) }
    }
}
