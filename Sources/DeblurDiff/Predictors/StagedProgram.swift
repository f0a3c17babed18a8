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

    private let model: DeblurDiffModel
    private let runner: ProgramRunner
    private var stages: [Stage]

    /// - Parameter key: of any of the stages.
    init(_ model: DeblurDiffModel, key: ProgramCache.Key, runner: ProgramRunner) throws {
        self.model = model
        self.runner = runner
        stages = try model.optimizedStep(key).graphs.stages.map {
            var key = key
            key.graph = $0.name
            return Stage(name: $0.name, key: key, dependsOn: $0.dependsOn)
        }
        stages[stages.count - 1].program = try model.program(stages.last!.key)
    }

    /// Runs the stages but the last whose inputs are given, for runs that will have these very tensors.
    func prepare(_ inputs: [String: Tensor]) throws {
        for index in stages.indices.dropLast() where stages[index].dependsOn.isSubset(of: inputs.keys) { _ = try results(of: index, inputs) }
    }

    /// - Parameters:
    ///   - inputs: of the whole graph.
    ///   - progress: told the share of the last stage that is done.
    /// - Returns: the outputs of the last stage.
    func run(_ inputs: [String: Tensor], progress: ((Double) -> Void)? = nil) throws -> [String: Tensor] {
        var values = inputs
        for index in stages.indices.dropLast() { values.merge(try results(of: index, inputs)) { $1 } }
        for index in stages.indices.dropLast() { stages[index].program = nil }
        let last = stages.last!
        return try runner.run(last.program!, named: last.name, values, progress: progress)
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
