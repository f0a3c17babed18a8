import Foundation
import GraphIR
import GraphTestSupport
import Operators
import Tensors
import Testing

/// Every op in every layout, as imported and optimised, against itself in row-major layout.
@Suite struct SameNumbersTests {
    @Test(arguments: ChainCases.shapes) func convolutionsAroundEveryOp(_ shape: Shape) throws {
        var failures: [String] = []
        for chain in try ChainCases.all(shape) {
            if let complaint = GraphCheck().complaint(chain.graph) { failures.append("\(chain.name): \(complaint)\n\(chain.graph.text)") }
        }
        #expect(failures.isEmpty, "\(failures.count) differ\n\(failures.prefix(5).joined(separator: "\n"))")
    }

    /// The chains and the random graphs are made of all ops that there are.
    @Test func everyOpIsUsed() throws {
        let types =
            ChainCases.shapes.map { TensorType(.float32, $0) } + [[1, 20, 16], [2, 12, 24], [6], [3, 40]].map { TensorType(.float32, $0) }
            + [ElementType.int32, .uint8].map { TensorType($0, [3, 4]) }
        let used = Set(types.flatMap { OpUse.all(of: $0) }.map { $0.op.name })
        #expect(Set(OpRegistry.standard.names).subtracting(used) == ["constant"])
    }

    /// `fuzz-graphs` tries more.
    @Test func randomGraphs() throws {
        for seed in 0..<UInt64(200) {
            guard let failure = RandomGraphFailure(seed: seed) else { continue }
            Issue.record("\(failure)")
            break
        }
    }

    /// A graph whose result is wrong is found, and made small.
    @Test func shrinks() throws {
        let graph = RandomGraph.make(seed: 3)
        let op = graph[graph.order[graph.order.count / 2]].op
        let small = GraphShrinker.shrink(graph) { candidate in candidate.order.contains { candidate[$0].op.isEqual(to: op) } }
        #expect(small.order.count == 1 && small.outputs.count == 1, "\(small.text)")
    }
}
