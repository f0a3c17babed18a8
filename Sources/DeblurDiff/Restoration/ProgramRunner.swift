import GraphRuntime
import Tensors

/// Runs programs one after the other, in memory that they share. One for each restoration that is under way.
final class ProgramRunner {
    /// Asked for an observer of each program that is about to run.
    typealias Observation = (_ program: Program, _ name: String) -> (Program.StepReport) throws -> Void

    private let workspace = Workspace()
    private let observation: Observation?
    private let isCancelled: () -> Bool

    init(observation: Observation? = nil, isCancelled: @escaping () -> Bool = { false }) {
        self.observation = observation
        self.isCancelled = isCancelled
    }

    /// The memory that programs ran in, which is kept for the next one, goes.
    func releaseMemory() { workspace.release() }

    /// - Parameter progress: told the share of the program's operations that is done.
    /// - Throws: `CancellationError` within the time of a kernel, or of a strip, of being cancelled.
    func run(_ program: Program, named name: String, _ inputs: [String: Tensor], progress: ((Double) -> Void)? = nil) throws -> [String: Tensor] {
        let observer = observation?(program, name)
        let graph = program.graph
        let total = Double(max(program.plan.floatingPointOperations, 1))
        var done = 0.0
        func operations(_ step: ProgramPlan.Step) -> Double { Double(step.nodes.reduce(0) { $0 + graph.floatingPointOperations(of: $1) }) }
        return try program.run(
            inputs, in: workspace,
            observer: { [isCancelled] report in
                if isCancelled() { throw CancellationError() }
                try observer?(report)
                guard let progress else { return }
                done += operations(report.step)
                progress(done / total)
            },
            duringStep: { [isCancelled] step, share in
                if isCancelled() { throw CancellationError() }
                progress?((done + share * operations(step)) / total)
            })
    }
}
