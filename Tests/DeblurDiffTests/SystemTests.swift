import Files
import Foundation
import GraphTestSupport
import Images
import TensorFiles
import Tensors
import Testing

@testable import DeblurDiff

/// DiffBIR and ControlNet. The numbers are those of their own programs, with the weights of the same formula; `Tools/torch/other_systems.py` made them.
@Suite(.serialized) struct SystemTests {
    /// As `cases.json` has it.
    struct Case: Decodable {
        var config: String
        var diffusion: String?
        var seed: UInt64
        var steps: Int
        var strength: Float
        var cfgScale: Float
        var rescaleCfg: Bool
        var betterStart: Bool
        var noiseAug: Int
        /// Of the positive and the negative prompt, without the padding.
        var tokens: [[Int32]]
        /// The whole program, from the photograph's pixels to the result's.
        var whole: Bool

        static func named(_ name: String) throws -> Case {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let data = try Data(contentsOf: URL(fileURLWithPath: repositoryFile("Tests/Fixtures/systems/cases.json")))
            return try #require(decoder.decode([String: Case].self, from: data)[name])
        }

        func configuration() throws -> ModelConfiguration {
            func text(_ file: String) throws -> String { try String(contentsOfFile: repositoryFile("Tests/Fixtures/systems/\(file)"), encoding: .utf8) }
            var configuration = try ModelConfiguration(yaml: text(config), diffusion: diffusion.map(text))
            // Their pipeline refuses small pictures, and enlarges them before; what comes behind that takes any.
            if !whole { configuration.leastSide = nil }
            return configuration
        }

        var options: RestorationOptions {
            var options = RestorationOptions()
            (options.seed, options.steps, options.strength) = (seed, steps, strength)
            (options.guidanceScale, options.rescalesGuidance) = (cfgScale, rescaleCfg)
            (options.betterStart, options.conditionNoise) = (betterStart, noiseAug)
            (options.positivePrompt, options.negativePrompt) = (.tokens(tokens[0]), .tokens(tokens[1]))
            return options
        }
    }

    static func picture() throws -> Photo { try Photo(reading: repositoryFile("Tests/Fixtures/configs/picture.png")) }

    @Test(arguments: ["diffbir_v2", "diffbir_v2_1", "diffbir_small", "controlnet"], OracleSetting.all)
    func stagesAreThoseOfItsOwnProgram(_ name: String, _ setting: OracleSetting) throws {
        let oracle = try Case.named(name)
        let (photo, expected) = (try Self.picture(), try SafetensorsFile(path: repositoryFile("Tests/Fixtures/systems/\(name).safetensors")))
        try withScratchFolder { scratch in
            try writeSeededModel(oracle.configuration(), seed: 1, to: scratch + "/model")
            let recorder = Recorder()
            let restorer = try Restorer(model: setting.open(scratch + "/model", threads: nil), options: oracle.options, recorder: recorder)
            let image = try restorer.restore(Padding.planes(rgb: photo.pixels, height: photo.height, width: photo.width, multiple: 1))
            var found = Dictionary(recorder.tensors) { first, _ in first }
            found["image"] = image
            var largest = 0.0
            for stage in expected.tensorNames where stage != "pixels" {
                let error = relativeError(try #require(found[stage], "\(stage)"), try expected.tensor(stage))
                #expect(error <= setting.tolerance, "\(stage)")
                largest = max(largest, error)
            }
            if oracle.whole {
                let pixels = try expected.tensor("pixels").withBytes(Array.init)
                let comparison = PhotoComparison(photo.withPixels(ColorFix.truncate(image)), photo.withPixels(pixels))
                #expect(comparison.largestDifference <= 1 && comparison.share(within: 0) > 0.99)
            }
            print("\(name), \(setting.name): largest relative error \(largest)")
        }
    }
}

extension SystemTests {
    private func open(_ name: String, _ change: (inout ModelConfiguration) -> Void = { _ in }, _ body: (DeblurDiffModel) throws -> Void) throws {
        var configuration = try Case.named(name).configuration()
        change(&configuration)
        try withScratchFolder { scratch in
            try writeSeededModel(configuration, seed: 1, to: scratch + "/model")
            try body(OracleSetting.standard.open(scratch + "/model", threads: nil))
        }
    }

    private func changes(_ name: String) -> [(inout RestorationOptions) -> Void] {
        var changes: [(inout RestorationOptions) -> Void] = [
            { $0.betterStart = true }, { ($0.tiled, $0.tileSize, $0.tileStride) = (true, 64, 32) },
            { ($0.guidanceScale, $0.rescalesGuidance) = (3, true) }, { $0.restorationGuidance = RestorationGuidance(scale: 0.1) },
        ]
        if name != "controlnet" { changes.append { ($0.conditionNoise, $0.betterStart) = (100, true) } }
        return changes
    }

    /// A sample further on in the stream of random numbers, and a run that is interrupted and goes on, whatever is drawn on the way.
    @Test(arguments: ["diffbir_v2", "controlnet"]) func randomNumbersAreWhereTheyBelong(_ name: String) throws {
        let photo = try Self.picture()
        try open(name) { model in
            for (index, change) in changes(name).enumerated() {
                var options = RestorationOptions()
                options.steps = 2
                options.negativePrompt = .tokens([49406, 320, 49407])
                change(&options)
                options.seedMode = .once
                let stream = try Restorer(model: model, options: options)
                let first = try stream.restore(photo.planes()).floatArray
                let second = try stream.restore(photo.planes()).floatArray
                options.seedMode = .each
                let restorer = try Restorer(model: model, options: options)
                #expect(try restorer.restore(photo.planes(), sample: 1).floatArray == second, "\(index)")
                #expect(first != second)
                var state: SamplerCheckpoint?
                #expect(try restorer.restore(photo.planes(), afterStep: { if $0.step == 1 { state = $0 } }).floatArray == first, "\(index)")
                #expect(try restorer.restore(photo.planes(), from: #require(state)).floatArray == first, "\(index)")
                #expect(try model.cost(of: options, height: photo.height, width: photo.width).peakByteCount > 0)
            }
        }
    }

    /// One tile is the whole photograph, and of several each sees its own part.
    @Test(arguments: ["diffbir_v2", "controlnet"]) func tilesSeeTheirPart(_ name: String) throws {
        try open(name) { model in
            let photo = try Self.picture()
            var options = RestorationOptions()
            options.steps = 1
            let whole = try Restorer(model: model, options: options).restore(photo.planes())
            (options.tiled, options.tileSize, options.tileStride) = (true, 64, 64)
            // But for the rounding of weights.
            #expect(try relativeError(Restorer(model: model, options: options).restore(photo.planes()), whole) < 1e-5)
            // Two photographs side by side, of which the left one stays the same.
            func stages(_ factor: Int) throws -> [String: Tensor] {
                var sides = [Float](repeating: 0, count: 3 * 64 * 128)
                for index in sides.indices {
                    let (row, column) = (index / 128, index % 128)
                    let step: Int = column < 64 ? 3 : factor
                    let level: Int = (7 * row + step * column) % 100
                    sides[index] = Float(level) / 100
                }
                let recorder = Recorder()
                _ = try Restorer(model: model, options: options, recorder: recorder).restore(Tensor(sides, shape: [1, 3, 64, 128]))
                return Dictionary(recorder.tensors) { first, _ in first }
            }
            let runs = [try stages(3), try stages(5)]
            #expect(runs[0]["unet_in.1"]?.floatArray == runs[1]["unet_in.1"]?.floatArray && runs[0]["unet_in.1"]?.shape == [1, 4, 8, 8])
            #expect(runs[0]["eps.0"]?.floatArray == runs[1]["eps.0"]?.floatArray && runs[0]["eps.1"]?.floatArray != runs[1]["eps.1"]?.floatArray)
            #expect((model.configuration.system == .controlNet) == (runs[0]["vae_moments.0"] == nil))
        }
    }

    @Test func partsThatASystemHasNot() throws {
        var setting = OracleSetting.standard
        setting.without = ["lkpn"]
        try withScratchFolder { scratch in
            try writeSeededModel(Case.named("diffbir_v2").configuration(), seed: 1, to: scratch + "/model")
            let error = #expect(throws: InputError.self) { try setting.open(scratch + "/model", threads: nil) }
            #expect(error?.description.contains("is a DiffBIR, which has no part 'lkpn' to leave out") == true)
        }
        try open("controlnet") { model in
            #expect(model.graphNames == ["text_encoder", "vae_encoder", "control_net", "unet", "vae_decoder", "prologue", "time_table", "step", "epilogue"])
            var options = RestorationOptions()
            options.steps = 1
            options.conditionNoise = 5
            let error = #expect(throws: InputError.self) { try Restorer(model: model, options: options) }
            #expect(error?.description.contains("not for ControlNet") == true)
            options.conditionNoise = 0
            let fast = RestorationPreview(everySteps: 1, isFast: true) { _, _ in }
            let refusal = #expect(throws: InputError.self) { try Restorer(model: model, options: options).restore(Self.picture().planes(), preview: fast) }
            #expect(refusal?.description.contains("fast previews") == true)
        }
    }

    /// What depends on the photograph alone runs once.
    @Test func theHintIsSeenOnce() throws {
        try open("controlnet") { model in
            let prologue = try model.stages(of: "prologue", height: 64, width: 64).optimized
            let step = try model.stages(of: "step", height: 64, width: 64).optimized
            #expect(prologue.parameter("controlnet.input_hint_block.14.weight") != nil)
            #expect(step.parameters.allSatisfy { !step[$0].name.contains("input_hint_block") })
        }
    }

    @Test func guidanceThatGrows() {
        var options = RestorationOptions()
        (options.guidanceScale, options.rescalesGuidance) = (4, true)
        // DiffBIR's own numbers.
        #expect([999, 500, 100, 0].map { options.guidanceScale(at: $0) } == [1.0, 1.0096305466556061, 3.560938064344368, 5.0])
    }

    /// What PyTorch's interpolate makes of (7 i mod 11) / 10 in 5 x 4, bicubic with antialias.
    @Test func resamplesAsPyTorch() {
        let image = Tensor((0..<20).map { Float($0 * 7 % 11) / 10 }, shape: [1, 1, 5, 4])
        let found = Resampling.resized(image, height: 2, width: 3).floatArray
        #expect(zip(found, [0.3344433, 0.5508979, 0.5788729, 0.4487655, 0.6798714, 0.3798423] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 })
        let large = Resampling.resized(image, height: 7, width: 6).floatArray
        #expect(
            zip(
                large,
                [
                    -0.0852196, 0.3519132, 0.708639, 0.2855358, 0.6422616, 1.079395, 0.3682278, 0.3573408, 0.4147559, 0.6294731, 0.7306827, 0.7590209,
                    0.5172164, 0.391288, 0.3763627, 0.7729206, 0.5793859, 0.2934824, 0.05394748, 0.4529412, 0.7969909, 0.479398, 0.1647059, -0.02631583,
                    0.5886451, 0.4627165, 0.4468632, 0.8397096, 0.6932603, 0.4503607, 0.5189204, 0.5080333, 0.571056, 0.8082032, 0.6248819, 0.3933518,
                    0.1206057, 0.5577384, 0.9279375, 0.5587265, 0.2318104, 0.04455796,
                ] as [Float]
            ).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(Resampling.resized(image, height: 5, width: 4).floatArray == image.floatArray)
    }

    @Test func configurationsOfItsOwnProgram() throws {
        for system in RestorationSystem.allCases {
            let released = ModelConfiguration.released(system)
            try released.validate()
            #expect(try ModelConfiguration(json: released.json) == released)
            #expect((released.lkpn == nil) == (system != .deblurDiff))
        }
        let diffBIR = ModelConfiguration.released(.diffBIR)
        #expect(diffBIR.controlNet.hintChannels == 4 && diffBIR.leastSide == 512 && diffBIR.colorCorrection == .wavelet)
        #expect(diffBIR.workingSize(height: 300, width: 401) == (512, 684) && diffBIR.workingSize(height: 700, width: 100) == (3584, 512))
        #expect(diffBIR.workingSize(height: 600, width: 512) == (600, 512))
        let networks =
            "model_channels: 320, attention_resolutions: [4, 2, 1], num_res_blocks: 2, channel_mult: [1, 2, 4, 4], num_head_channels: 64, context_dim: 1024"
        let ldm = """
            model:
              params:
                linear_start: 0.00085
                linear_end: 0.0120
                parameterization: "v"
                scale_factor: 0.18215
                control_stage_config: {params: {in_channels: 4, hint_channels: 3, \(networks)}}
                unet_config: {params: {in_channels: 4, out_channels: 4, \(networks)}}
                first_stage_config: {params: {embed_dim: 4, ddconfig: {z_channels: 4, in_channels: 3, out_ch: 3, ch: 128, ch_mult: [1, 2, 4, 4], num_res_blocks: 2}}}
                cond_stage_config: {target: ldm.modules.encoders.modules.FrozenOpenCLIPEmbedder, params: {layer: "penultimate"}}
            """
        var expected = ModelConfiguration.released(.controlNet)
        expected.parameterization = .velocity
        #expect(try ModelConfiguration(yaml: ldm) == expected)
        func refuses(_ yaml: String, _ words: String) {
            let error = #expect(throws: InputError.self) { try ModelConfiguration(yaml: yaml) }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
        }
        refuses(
            ldm.replacingOccurrences(of: "FrozenOpenCLIPEmbedder", with: "FrozenCLIPEmbedder"), "cond_stage_config.target: must be a FrozenOpenCLIPEmbedder")
        refuses(ldm.replacingOccurrences(of: "hint_channels: 3", with: "hint_channels: 5"), "controlnet_cfg.hint_channels: is 5, but must be 8")
        refuses(ldm.replacingOccurrences(of: "parameterization: \"v\"", with: "parameterization: residual"), "no adaptive convolution")
        refuses(
            ldm.replacingOccurrences(of: "hint_channels: 3", with: "hint_channels: 4").replacingOccurrences(
                of: "    linear_start", with: "    lkpn_cfg: {}\n    system: diffbir\n    linear_start"), "has no such network")
        refuses(ldm.replacingOccurrences(of: "ch: 128, ch_mult: [1, 2, 4, 4]", with: "ch: 128, ch_mult: [1, 2, 4]"), "but the hint's convolutions make 1/8")
    }
}
