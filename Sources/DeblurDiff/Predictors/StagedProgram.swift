import GraphPasses
import GraphRuntime
import Tensors

/// A staged graph, ready to run: each stage runs again when one of the inputs that it depends on is another tensor than before.
final class StagedProgram {
    /// Inputs by which tensors they are, not by what these hold.
    private struct Inputs: Hashable {
        private struct Identity: Hashable {
            var storage: ObjectIdentifier
            var byteOffset: Int
        }

        let tensors: [String: Tensor]
        private var identities: [String: Identity] {
            tensors.mapValues { Identity(storage: ObjectIdentifier($0.storage), byteOffset: $0.byteOffset) }
        }

        init(_ tensors: [String: Tensor]) { self.tensors = tensors }

        static func == (a: Inputs, b: Inputs) -> Bool { a.identities == b.identities }
        func hash(into hasher: inout Hasher) { hasher.combine(identities) }
    }

    private struct Stage {
        let name: String
        let key: ProgramCache.Key
        let dependsOn: Set<String>
        /// Held from ``prepare(_:)`` to the first run of the last stage: the weights are not needed in between.
        var program: Program?
        var results: [Inputs: [String: Tensor]] = [:]
    }

    /// What stages that do not run each time put out, for a condition.
    typealias Kept = [String: Tensor]

    private let model: DeblurDiffModel
    private let runner: ProgramRunner
    /// What is moved out of the step.
    private var stages: [Stage]
    /// The step, or the stages that it is cut into.
    private let rest: [(name: String, program: Program)]

    /// - Parameter key: of any of the stages.
    init(_ model: DeblurDiffModel, key: ProgramCache.Key, runner: ProgramRunner) throws {
        self.model = model
        self.runner = runner
        let all = try model.optimizedStep(key).graphs.stages.map {
            var key = key
            key.graph = $0.name
            return Stage(name: $0.name, key: key, dependsOn: $0.dependsOn)
        }
        stages = all.filter { !DenoisingStep.isRest($0.name) }
        rest = try all.filter { DenoisingStep.isRest($0.name) }.map { ($0.name, try model.program($0.key)) }
    }

    /// Runs what is moved out of the step and has its inputs given, for runs that will have these very tensors.
    func prepare(_ inputs: [String: Tensor]) throws {
        for index in stages.indices where stages[index].dependsOn.isSubset(of: inputs.keys) { _ = try results(of: index, inputs) }
    }

    /// Operations of the stages that run.
    func operations(_ runs: (_ stage: String) -> Bool) -> Double {
        rest.reduce(0) { runs($1.name) ? $0 + Double($1.program.graph.floatingPointOperations) : $0 }
    }

    /// - Parameters:
    ///   - inputs: of the whole graph.
    ///   - kept: by the stages that `keeps` names, when they last ran.
    ///   - runs: which stages of the step run; for the others stands what is kept.
    ///   - progress: told the share of the work that is done.
    /// - Returns: what the stages that ran put out.
    func run(
        _ inputs: [String: Tensor], kept: inout Kept, keeps: (_ stage: String) -> Bool = { _ in false }, runs: (_ stage: String) -> Bool = { _ in true },
        progress: ((Double) -> Void)? = nil
    ) throws -> [String: Tensor] {
        var values = inputs
        for index in stages.indices { values.merge(try results(of: index, inputs)) { $1 } }
        for index in stages.indices { stages[index].program = nil }
        values.merge(kept) { $1 }
        let all = max(operations(runs), 1)
        var (done, outputs) = (0.0, [String: Tensor]())
        for (name, program) in rest where runs(name) {
            let share = Double(program.graph.floatingPointOperations) / all
            let results = try runner.run(program, named: name, values, progress: progress.map { tell in { tell(done + share * $0) } })
            done += share
            if keeps(name) { kept.merge(results) { $1 } }
            values.merge(results) { $1 }
            outputs.merge(results) { $1 }
        }
        return outputs
    }

    private func results(of index: Int, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
        let stage = stages[index]
        let own = Inputs(inputs.filter { stage.dependsOn.contains($0.key) })
        if let known = stage.results[own] { return known }
        let program = try stage.program ?? model.program(stage.key)
        stages[index].program = program
        let results = try runner.run(program, named: stage.name, own.tensors)
        stages[index].results[own] = results
        return results
    }

    /// Forgets what was computed for conditions that are over.
    func forgetResults(dependingOn input: String) {
        for index in stages.indices where stages[index].dependsOn.contains(input) { stages[index].results = [:] }
    }
}
