import Foundation
import GraphIR
import GraphPasses
import GraphRuntime
import GraphTestSupport
import ONNX
import Operators
import Tensors
import Testing

@Suite struct ExportTests {
    /// How graphs are written: with functions, and with standard operators alone.
    enum Form: CaseIterable { case functions, inlined }

    private func options(_ form: Form, external: Bool = false) -> ONNXExportOptions {
        var options = ONNXExportOptions()
        options.inlinesFunctions = form == .inlined
        options.usesExternalData = external
        return options
    }

    /// Writes a graph (which ONNX's checker then accepts) and imports it again.
    private func roundTrip<R>(_ graph: Graph, _ options: ONNXExportOptions, _ body: (ImportedModel) throws -> R) throws -> R {
        try withScratchFolder { folder in
            try ONNXExport.write(graph, parameters: SmallNetworks.Weights(graph), to: "\(folder)/model.onnx", options: options)
            return try body(ONNXModel.load("\(folder)/model.onnx").importGraph())
        }
    }

    private func expectSameStructure(_ a: Graph, _ b: Graph) {
        let numbers = GraphStructure.Numbers()
        for difference in GraphStructure.differences(
            GraphStructure(a, numbers: numbers) { $0 }, GraphStructure(b, numbers: numbers) { $0 })
        {
            Issue.record(Comment(rawValue: difference))
        }
    }

    @Test(arguments: SmallNetworks.names, [false, true]) func functionsComeBackAsTheyWere(_ name: String, optimized: Bool) throws {
        let imported = try SmallNetworks.graph(name)
        let graph = optimized ? try optimize(imported).graph : imported
        try roundTrip(graph, options(.functions)) { back in
            expectSameStructure(graph, back.graph)
            #expect(back.graph.name == graph.name)
        }
    }

    @Test(arguments: SmallNetworks.names) func standardOperatorsOptimiseToTheSame(_ name: String) throws {
        let graph = try SmallNetworks.graph(name)
        try roundTrip(graph, options(.inlined, external: true)) { back in
            expectSameStructure(try optimize(graph).graph, try optimize(back.graph, options: PipelineOptions(verifies: true)).graph)
        }
    }

    @Test(arguments: SmallNetworks.names) func optimisedStandardOperatorsComputeTheSame(_ name: String) throws {
        let graph = try optimize(SmallNetworks.graph(name)).graph
        try roundTrip(graph, options(.inlined)) { back in
            let (a, b) = (try SmallNetworks.run(graph, SmallNetworks.Weights(graph)), try SmallNetworks.run(back.graph, back.parameters))
            let difference = SeededRunner.largestRelativeDifference(a, b)
            #expect(difference <= 1e-4, "\(difference)")
        }
    }
}
