import DeblurDiff
import GraphIR
import GraphPasses
import GraphTestSupport
import Tensors
import Testing

/// The graphs of the tiny model, as text and by their numbers. Record the text with `RECORD=1 swift test --filter TinyModelTests`.
@Suite struct TinyModelTests {
    private static let configuration = Result { try ModelConfiguration(yaml: Repository.read("Tests/Fixtures/tiny.yaml")) }

    private static let runner = SeededRunner()

    private func graphs(height: Int = 128, width: Int = 128) throws -> [String: Graph] {
        try DeblurDiffArchitecture.graphs(Self.configuration.get(), height: height, width: width)
    }

    private func step(
        height: Int = 128, width: Int = 128, strength: Float = 1, outputs: (Int) -> Set<String> = { _ in ["eps"] }
    ) throws -> Graph {
        let graphs = try graphs(height: height, width: width)
        let count = graphs["control_net"]!.outputs.count
        return try DenoisingStep.graph(
            graphs, latent: TensorType(.float32, [1, 4, height / 8, width / 8]), strength: strength, outputs: outputs(count))
    }

    @Test(arguments: DeblurDiffArchitecture.graphNames()) func networksAreGolden(_ name: String) throws {
        let result = try optimize(graphs()[name]!, options: PipelineOptions(verifies: true))
        try Repository.expectRecorded(result.graph.text, at: "Tests/Golden/\(name).txt")
        #expect(try Pipeline.standard().run(result.graph).log == [])
    }

    @Test func stepIsGolden() throws {
        let graphs = try optimizeStep(step(), hoisting: DenoisingStep.hoisting, options: PipelineOptions(verifies: true)).graphs
        for graph in graphs.stages.map(\.graph) {
            try Repository.expectRecorded(graph.text, at: "Tests/Golden/\(graph.name).txt")
            #expect(try GraphParser.parse(graph.text, registry: .standard).text == graph.text)
        }
    }

    @Test(arguments: DeblurDiffArchitecture.graphNames()) func networksComputeTheSame(_ name: String) throws {
        let imported = try graphs()[name]!
        let difference = try SeededRunner.largestRelativeDifference(
            Self.runner.run(imported), Self.runner.run(optimize(imported).graph))
        #expect(difference <= SeededRunner.tolerance, "\(difference)")
    }

    @Test(arguments: [(128, 128), (64, 64), (192, 128)]) func stepComputesTheSame(_ height: Int, _ width: Int) throws {
        let imported = try step(height: height, width: width)
        try expectSameNumbers(
            imported, optimizeStep(imported, hoisting: DenoisingStep.hoisting, options: PipelineOptions(verifies: true)).graphs, runner: Self.runner)
    }

    /// Windows that overlap, a strength, and outputs in the middle, which keep what would be folded away.
    @Test func windowedStepComputesTheSame() throws {
        let imported = try step(height: 576, width: 128, strength: 0.75)
        try expectSameNumbers(
            imported, optimizeStep(imported, hoisting: DenoisingStep.hoisting, options: PipelineOptions(verifies: true)).graphs, runner: Self.runner)
    }

    @Test func stepWithAllOutputsComputesTheSame() throws {
        let imported = try step { Set(DenoisingStep.outputNames(controlCount: $0)) }
        let graphs = try optimizeStep(imported, hoisting: DenoisingStep.hoisting, options: PipelineOptions(verifies: true)).graphs
        #expect(graphs["step"].outputs.map(\.name) == imported.outputs.map(\.name))
        try expectSameNumbers(imported, graphs, runner: Self.runner)
    }

    /// Stopping anywhere, or leaving out any pass, gives a valid graph that computes the same.
    @Test(arguments: PassRegistry.entries.map(\.name)) func anyPassCanBeLeftOut(_ name: String) throws {
        let imported = try step(height: 64, width: 64)
        let optimized = try optimizeStep(imported, hoisting: DenoisingStep.hoisting, options: PipelineOptions(disabledPasses: [name], verifies: true))
        try expectSameNumbers(imported, optimized.graphs, runner: Self.runner)
    }

    @Test func canStopAnywhere() throws {
        let imported = try step(height: 64, width: 64)
        let total = try optimizeStep(imported, hoisting: DenoisingStep.hoisting).log.count
        for count in stride(from: 0, through: total, by: 131) {
            let optimized = try optimizeStep(imported, hoisting: DenoisingStep.hoisting, options: PipelineOptions(stopAfter: count, verifies: true))
            #expect(optimized.log.count == count)
            try expectSameNumbers(imported, optimized.graphs, runner: Self.runner)
        }
    }
}
