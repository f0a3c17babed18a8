import Files
import Foundation
import GraphIR
import GraphPasses
import GraphRuntime
import Operators
import Tensors

/// Runs a graph in every way that must give the same numbers.
///
/// The reference is the graph as it is, with all images row-major, weights as they are stored, and memory that is never used twice. Against it stand the graph
/// in its own layouts, what the passes make of it (in strips as well, to the bit), and its parts that run once, once a timestep and in each step.
public struct GraphCheck: Sendable {
    public var pipeline = PipelineOptions(verifies: true)
    /// Inputs that differ from run to run. Without any, nothing is hoisted.
    public var changingInputs: Set<String> = []
    /// Also asks for the same bits with two threads.
    public var comparesThreads = false

    public init() {}

    /// Ways that a seed chooses: some passes left out, an end to the rewriting, some inputs that change.
    public init(seed: UInt64, _ graph: Graph) {
        var random = SeededGenerator(state: seed ^ 0x5eed)
        func oneOf(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &random) == 0 }
        if oneOf(4) { pipeline.disabledPasses = [PassRegistry.entries.randomElement(using: &random)!.name] }
        if oneOf(8) { pipeline.stopAfter = Int.random(in: 0...12, using: &random) }
        comparesThreads = oneOf(8)
        if oneOf(3) { changingInputs = Set(graph.inputs.map { graph[$0].name }.filter { _ in oneOf(2) }) }
    }

    /// What is wrong, or nil.
    public func complaint(_ graph: Graph) -> String? {
        let runner = SeededRunner()
        do {
            let plain = graph.inRowMajor()
            func runPlainly(_ graph: Graph, _ inputs: [String: Tensor] = [:]) throws -> [String: Tensor] {
                try runner.run(graph, inputs: inputs) { ($0.packsWeights, $0.reusesMemory) = (false, false) }
            }
            let reference = try runPlainly(plain)
            /// What is beyond rounding: where a small difference of the inputs makes none as large.
            func complaint(_ way: String, _ found: [String: Tensor]) throws -> String? {
                var complaints = OutputComparison.complaints(found, reference)
                guard !complaints.isEmpty else { return nil }
                for seed in 1...3 {
                    let moved = try runPlainly(plain, perturbed(plain, seed: UInt64(seed)))
                    for (name, _) in complaints {
                        guard let a = moved[name], let b = reference[name], let c = found[name], c.shape == b.shape,
                            OutputComparison.difference(c, b) <= 10 * OutputComparison.difference(a, b)
                        else { continue }
                        complaints[name] = nil
                    }
                }
                guard let first = complaints.min(by: { $0.key < $1.key }) else { return nil }
                return "\(way): output \(first.key) \(first.value)"
            }

            let imported = try runner.run(graph) { $0.packsWeights = false }
            if let found = try complaint("as imported", imported) { return found }
            let optimized = try Pipeline.standard(changingInputs: changingInputs).run(graph, options: pipeline).graph
            let results = try runner.run(optimized)
            if let found = try complaint("optimised", results) { return found }
            let stripped = try runner.run(optimized) { $0.stripsEverything = true }
            for (name, tensor) in results where OutputComparison.difference(stripped[name]!, tensor) > 0 { return "in strips: output \(name) differs" }
            let parsed = try GraphParser.parse(optimized.text, registry: .standard)
            guard parsed.text == optimized.text else { return "the optimised graph does not print as it parses" }
            if comparesThreads {
                let others = try GraphCheck.twoThreads.run(optimized)
                for (name, tensor) in results where OutputComparison.difference(others[name]!, tensor) > 0 { return "two threads: output \(name) differs" }
            }
            guard !changingInputs.isEmpty else { return nil }
            let fixed = Set(graph.inputs.map { graph[$0].name }).subtracting(changingInputs)
            let table = HoistInvariants.Stage("table", inputs: [changingInputs.min()!], isTable: true)
            let hoisting = HoistInvariants(stages: [.init("fixed", inputs: fixed), table], rest: "rest")
            let staged = try optimizeStep(graph, hoisting: hoisting, options: pipeline).graphs
            let read = Set(staged["table"].inputs.map { staged["table"][$0].name })
            guard read.isSubset(of: table.inputs) else { return "the table reads \(read.sorted())" }
            var values = try runner.run(staged["fixed"])
            values.merge(try runner.run(staged["table"])) { $1 }
            return try complaint("hoisted", runner.run(staged["rest"], inputs: values))
        } catch {
            return "\(error)"
        }
    }

    private static let twoThreads = SeededRunner(threadCount: 2)

    /// The inputs with each number moved by about as much as rounding moves those inside.
    private func perturbed(_ graph: Graph, seed: UInt64) throws -> [String: Tensor] {
        var random = SeededGenerator(state: seed)
        return try SeededRunner.inputs(of: graph).mapValues { tensor in
            guard tensor.type.elementType == .float32 else { return tensor }
            return tensor.map { $0 * (1 + Float.random(in: -1e-6...1e-6, using: &random)) }
        }
    }
}

extension Graph {
    /// The same computation without layouts: all images are row-major.
    func inRowMajor() -> Graph {
        rebuilt(outputs: outputs) { type in
            TensorType(type.elementType, type.shape)
        } skips: {
            $0 is ConvertLayout
        }
    }

    /// The nodes that some outputs need, from given values on.
    ///
    /// - Parameters:
    ///   - cuts: values that become inputs.
    ///   - changing: the types of inputs.
    ///   - skips: ops whose result is their operand.
    func rebuilt(
        outputs: [Output], cuts: Set<ValueID> = [], changing: (TensorType) -> TensorType = { $0 }, skips: (any Op) -> Bool = { _ in false }
    ) -> Graph {
        var needed: Set<ValueID> = []
        var waiting = outputs.map(\.value)
        while let value = waiting.popLast() {
            guard needed.insert(value).inserted, !cuts.contains(value), let producer = producer(of: value) else { continue }
            waiting += self[producer].operands
        }
        var builder = GraphBuilder(name: name)
        var map: [ValueID: ValueID] = [:]
        for id in inputs where needed.contains(id) { map[id] = builder.input(self[id].name, changing(type(id))) }
        for id in order {
            for result in self[id].results where needed.contains(result) && cuts.contains(result) {
                map[result] = builder.input(self[result].name, changing(type(result)))
            }
        }
        for id in parameters where needed.contains(id) { map[id] = builder.parameter(self[id].name, type(id)) }
        for id in order {
            let node = self[id]
            guard node.results.contains(where: { needed.contains($0) && !cuts.contains($0) }) else { continue }
            guard !skips(node.op) else {
                map[node.results[0]] = map[node.operands[0]]
                continue
            }
            func apply(_ op: some Op) throws -> [ValueID] { try builder.apply(op, node.operands.map { map[$0]! }) }
            do {
                for (old, new) in zip(node.results, try apply(node.op)) where map[old] == nil {
                    map[old] = new
                    builder.rename(new, to: self[old].name)
                }
            } catch { preconditionFailure("an op that a graph holds: \(error)") }
        }
        for output in outputs { builder.output(output.name, map[output.value]!) }
        return builder.graph
    }
}
