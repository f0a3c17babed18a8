import GraphIR
import GraphPasses
import GraphRuntime
import GraphTestSupport
import ONNX
import Tensors
import Testing

/// What PyTorch exports comes to the same optimised graph as the checkpoint.
@Suite struct RaisingTests {
    @Test(arguments: TorchExport.all) func optimisesToTheCheckpointsGraph(_ export: TorchExport) throws {
        let reference = try SmallNetworks.graph(export.network)
        let weights = SmallNetworks.Weights(reference)
        try export.imported { imported in
            let raised = try optimize(imported.graph, options: PipelineOptions(verifies: true)).graph
            let numbers = GraphStructure.Numbers()
            let expected = try GraphStructure(optimize(reference).graph, numbers: numbers, identity: weights.identity)
            let found = try GraphStructure(raised, numbers: numbers, identity: imported.parameters.identity)
            for difference in GraphStructure.differences(expected, found) { Issue.record(Comment(rawValue: difference)) }
            #expect(try Pipeline.standard().run(raised).log.isEmpty)
        }
    }

    /// As it is imported it computes the same, too.
    @Test(arguments: TorchExport.all) func computesTheSame(_ export: TorchExport) throws {
        let reference = try SmallNetworks.graph(export.network)
        try export.imported { imported in
            let a = try SmallNetworks.run(reference, SmallNetworks.Weights(reference))
            let b = try SmallNetworks.run(imported.graph, imported.parameters)
            let difference = SeededRunner.largestRelativeDifference(a, b)
            #expect(difference <= 1e-4, "\(difference)")
        }
    }
}
