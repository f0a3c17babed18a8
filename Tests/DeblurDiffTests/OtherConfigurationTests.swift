import DeblurDiff
import Foundation
import GraphRuntime
import GraphTestSupport
import Images
import TensorFiles
import Tensors
import Testing

/// Models of other sizes than the oracle's. What is expected was computed by `Tools/torch/deblurdiff_torch.py`, which agrees with the oracle.
///
/// To compute it again, for each config: write a checkpoint with `seeded-checkpoint --config NAME.yaml --seed 1`, and run
/// `deblurdiff_torch.py NAME.yaml CHECKPOINT picture.png --write NAME.safetensors --stages clip_context,vae_moments,eac,eps,v,x0,z_final,decoded`.
@Suite(.serialized) struct OtherConfigurationTests {
    @Test(arguments: ["brief", "cosine", "shallow", "transform", "uneven", "velocity", "wide"], OracleSetting.all)
    func stagesAreThoseOfPyTorch(_ name: String, _ setting: OracleSetting) throws {
        let folder = repositoryFile("Tests/Fixtures/configs")
        let configuration = try ModelConfiguration(yaml: String(contentsOfFile: "\(folder)/\(name).yaml", encoding: .utf8))
        let photo = try Photo(reading: "\(folder)/picture.png")
        try withScratchFolder { scratch in
            try writeSeededModel(configuration, seed: 1, to: scratch + "/model")
            var options = RestorationOptions()
            options.steps = 2
            let recorder = Recorder()
            let restorer = try Restorer(model: setting.open(scratch + "/model", threads: nil), options: options, recorder: recorder)
            _ = try restorer.restore(photo.pixels, height: photo.height, width: photo.width)
            let recorded = Dictionary(uniqueKeysWithValues: recorder.tensors)
            let expected = try SafetensorsFile(path: "\(folder)/\(name).safetensors")
            for stage in expected.tensorNames {
                let error = relativeError(try #require(recorded[stage]), try expected.tensor(stage))
                #expect(error <= setting.tolerance, "\(stage)")
            }
        }
    }

    /// The picture is the decoder's, unless the model wants the blurred picture's colours.
    @Test func colorsAreCorrectedWhereTheModelWantsIt() throws {
        let folder = repositoryFile("Tests/Fixtures/configs")
        var configuration = try ModelConfiguration(yaml: String(contentsOfFile: "\(folder)/transform.yaml", encoding: .utf8))
        let photo = try Photo(reading: "\(folder)/picture.png")
        try withScratchFolder { scratch in
            var options = RestorationOptions()
            options.steps = 1
            for correction in ColorCorrection.allCases {
                configuration.colorCorrection = correction
                try writeSeededModel(configuration, seed: 1, to: scratch + "/model")
                let recorder = Recorder()
                let restorer = try Restorer(model: OracleSetting.standard.open(scratch + "/model", threads: nil), options: options, recorder: recorder)
                let pixels = try restorer.restore(photo.pixels, height: photo.height, width: photo.width)
                let decoded = try #require(recorder.tensors.first { $0.0 == "decoded.0" }).1
                let image = Padding.crop(decoded, height: photo.height, width: photo.width).map { ($0 + 1) / 2 }
                #expect((pixels == ColorFix.truncate(image)) == (correction == .none))
            }
        }
    }

    /// With norms of positions and no attention between them, a part of a picture is restored as it is within the whole.
    @Test func resultsDoNotDependOnTheSizeOfThePicture() throws {
        let configuration = try ModelConfiguration(
            yaml: String(contentsOfFile: repositoryFile("Tests/Fixtures/configs/transform.yaml"), encoding: .utf8))
        try withScratchFolder { scratch in
            try writeSeededModel(configuration, seed: 1, to: scratch + "/model")
            let model = try OracleSetting.standard.open(scratch + "/model", threads: nil)
            let (large, small, offset, channels) = (96, 64, 16, 3 * configuration.latentChannels)
            var random = TorchGenerator(seed: 5)
            let picture = Tensor(random.randn(channels * large * large), shape: [1, channels, large, large])
            let floats = picture.floatArray
            let rows = (0..<channels * small).flatMap { row in
                let source = (row / small * large + offset + row % small) * large + offset
                return floats[source..<source + small]
            }
            let part = Tensor(rows, shape: [1, channels, small, small])
            let context = Tensor(TensorType(.float32, [1, configuration.textEncoder.contextLength, configuration.textEncoder.width]))
            func middleControl(_ x: Tensor) throws -> Tensor {
                let side = x.shape[2] * configuration.latentFactor
                let graph = try model.stages(of: "control_net", height: side, width: side).optimized
                let inputs = ["x": x, "timestep": Tensor([Float(500)], shape: [1]), "context": context]
                return try model.program(graph).run(inputs, in: Workspace())["control4"]!
            }
            let (wide, narrow) = (try middleControl(picture), try middleControl(part))
            #expect(narrow.shape == [1, 64, 32, 32])
            let (whole, cut) = (wide.floatArray, narrow.floatArray)
            var worst: Float = 0
            for channel in 0..<64 {
                for (y, x) in (12..<20).flatMap({ y in (12..<20).map { (y, $0) } }) {
                    let difference = whole[(channel * 48 + y + 8) * 48 + x + 8] - cut[(channel * 32 + y) * 32 + x]
                    worst = max(worst, abs(difference))
                }
            }
            #expect(worst < 1e-4)
            #expect(cut[0] != whole[0])
        }
    }

    /// Every option at once where the latent factor is not 8.
    @Test func tilesAndGuidanceWithAnotherLatentFactor() throws {
        let folder = repositoryFile("Tests/Fixtures/configs")
        let configuration = try ModelConfiguration(yaml: String(contentsOfFile: "\(folder)/shallow.yaml", encoding: .utf8))
        #expect(configuration.latentFactor == 2)
        let photo = try Photo(reading: "\(folder)/picture.png")
        try withScratchFolder { scratch in
            try writeSeededModel(configuration, seed: 3, to: scratch + "/model")
            let model = try OracleSetting.standard.open(scratch + "/model", threads: nil)
            var tiled = RestorationOptions()
            tiled.steps = 1
            tiled.tiled = true
            tiled.tileSize = 24
            tiled.tileStride = 16
            tiled.betterStart = true
            var guided = RestorationOptions()
            guided.steps = 1
            guided.guidanceScale = 2
            guided.negativePrompt = .tokens([49406, 320, 49407])
            guided.restorationGuidance = RestorationGuidance(scale: 0.1)
            for options in [tiled, guided] {
                let recorder = Recorder()
                let restorer = try Restorer(model: model, options: options, recorder: recorder)
                let pixels = try restorer.restore(photo.pixels, height: photo.height, width: photo.width)
                #expect(pixels.count == photo.pixels.count)
                #expect(recorder.tensors.allSatisfy { $0.1.floatArray.allSatisfy(\.isFinite) })
                #expect(Set(pixels).count > 10)
            }
        }
    }
}
