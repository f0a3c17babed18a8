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
    }

    public let graph: Graph
    public let steps: [Step]
    public let plan: MemoryPlan
    private let outputLocations: [Location]
    private let options: RuntimeOptions

    /// Chooses kernels, arranges parameters and plans memory.
    public convenience init(_ graph: Graph, parameters: ParameterStore, options: RuntimeOptions) throws {
        var builder = ProgramBuilder(graph: graph, parameters: parameters, options: options)
        let parts = try builder.build()
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
        /// The results, valid during the call.
        public let results: [Tensor]
    }

    /// Runs the program.
    ///
    /// - Parameters:
    ///   - inputs: a tensor for each of the graph's inputs, of its very type.
    ///   - observer: told after each step; timing costs a little, so nil is fastest.
    /// - Returns: the outputs, in memory of their own.
    public func run(_ inputs: [String: Tensor], in workspace: Workspace, observer: ((StepReport) throws -> Void)? = nil) throws
        -> [String: Tensor]
    {
        let bound = try graph.inputs.map { id -> Tensor in
            let value = graph[id]
            guard let tensor = inputs[value.name] else { throw InputError("no tensor for input '\(value.name)' of '\(graph.name)'") }
            guard tensor.type == value.type else {
                throw InputError("input '\(value.name)' of '\(graph.name)' is \(value.type), not \(tensor.type)")
            }
            return tensor
        }
        let arena = workspace.reserve(plan.arenaByteCount)
        func pointer(_ location: Location) -> UnsafeMutableRawPointer {
            switch location {
            case .arena(let offset): arena + offset
            case .input(let index, let offset): bound[index].bytes.baseAddress! + offset
            case .parameter(let tensor, let offset): tensor.bytes.baseAddress! + offset
            case .nowhere: arena
            }
        }
        return try withExtendedLifetime((bound, workspace)) {
            for (index, step) in steps.enumerated() {
                let arguments = KernelArguments(
                    operands: step.operands.map(pointer), results: step.results.map(pointer), scratch: arena + step.scratch,
                    pool: options.pool)
                guard let observer else {
                    step.kernel.run(arguments)
                    continue
                }
                let start = DispatchTime.now().uptimeNanoseconds
                step.kernel.run(arguments)
                let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
                let results = zip(graph[step.node].results, arguments.results).map { id, pointer in
                    Tensor(type: graph.type(id), copying: pointer)
                }
                try observer(StepReport(index: index, step: step, seconds: seconds, results: results))
            }
            return Dictionary(
                uniqueKeysWithValues: zip(graph.outputs, outputLocations).map { output, location in
                    (output.name, Tensor(type: graph.type(output.value), copying: pointer(location)))
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
