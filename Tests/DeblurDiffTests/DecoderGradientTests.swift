import Files
import Foundation
import GraphPasses
import GraphRuntime
import GraphTestSupport
import TensorFiles
import Tensors
import Testing

@testable import DeblurDiff

/// The gradient of the autoencoder's decoder, along which restoration guidance in RGB goes.
@Suite(.serialized) struct DecoderGradientTests {
    /// `Tools/torch/decoder_gradient.py` made the numbers.
    @Test(arguments: OracleSetting.all + [.strips]) func isPyTorchs(_ setting: OracleSetting) throws {
        let fixture = try SafetensorsFile(path: repositoryFile("Tests/Fixtures/decoder_gradient.safetensors"))
        let model = try OracleModel.open(setting)
        let gradient = try model.stages(of: "vae_decoder", gradient: "latent", height: 64, width: 128).optimized
        let inputs = try ["latent", "image.gradient"].reduce(into: [:]) { $0[$1] = try fixture.tensor($1) }
        let found = try model.program(gradient).run(inputs, in: Workspace())["latent.gradient"]!
        let error = relativeError(found, try fixture.tensor("latent.gradient"))
        print("decoder's gradient, \(setting.name): relative error \(error)")
        #expect(error < 1e-5)
    }

    /// At the released sizes and 512 x 512 pixels it takes at most three times the decoder's operations, and 4 GB.
    @Test func staysSmall() throws {
        let decoder = try DeblurDiffArchitecture.decoder(.released, h: 64, w: 64)
        let options = RuntimeOptions(pool: ThreadPool(threadCount: 2))
        let parameters = ParameterStore(source: SeededParameters(decoder), pool: options.pool)
        let plans = try [decoder, GuidanceGraph.graph(decoder: decoder)].map { graph in
            try ProgramPlan(optimize(graph).graph, parameters: parameters, options: options)
        }
        let bytes = plans.map { $0.memory.arenaByteCount + $0.packedByteCount }
        print("decoder and its gradient at 512 x 512: \(bytes.map(Units.bytes)), \(plans.map { $0.floatingPointOperations / 1_000_000_000 }) GFLOP")
        #expect(bytes[1] <= 4_000_000_000)
        #expect(plans[1].floatingPointOperations <= 3 * plans[0].floatingPointOperations)
    }

    /// By hand, for an image of one edge: Sobel's filter gives 4 times its height in the rows on both sides, where each block has two pixels of it.
    @Test func edgesCountLess() {
        let plane = [Float](repeating: 0, count: 8) + [Float](repeating: 0.25, count: 8)
        let weights = EdgeWeights.of(Tensor(plane + plane + plane, shape: [1, 3, 8, 2]))
        #expect(weights.shape == [1, 1, 8, 2])
        let atEdge = 1 - tanhf(2 * 4 * 0.25 * 0.9999)
        for (weight, expected) in zip(
            weights.floatArray, [Float](repeating: 1, count: 4) + [Float](repeating: atEdge, count: 8) + [Float](repeating: 1, count: 4))
        {
            #expect(abs(weight - expected) < 1e-6)
        }
    }
}
