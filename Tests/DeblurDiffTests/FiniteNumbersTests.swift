import DeblurDiff
import Files
import Foundation
import GraphTestSupport
import TensorFiles
import Tensors
import Testing

/// Numbers that float32 cannot hold end a restoration, with the step and the stage that made them.
@Suite(.serialized) struct FiniteNumbersTests {
    private static let configuration: ModelConfiguration = {
        guard let yaml = try? String(contentsOfFile: repositoryFile("Tests/Fixtures/configs/brief.yaml"), encoding: .utf8),
            let configuration = try? ModelConfiguration(yaml: yaml)
        else { fatalError("cannot read the config") }
        return configuration
    }()

    private func restore(_ path: String, _ options: RestorationOptions, _ setting: OracleSetting = .standard) throws -> [UInt8] {
        let pixels = (0..<32 * 48 * 3).map { UInt8(truncatingIfNeeded: $0 * $0 / 7 + $0 / 3) }
        return try Restorer(model: setting.open(path, threads: 1), options: options).restore(pixels, height: 32, width: 48)
    }

    /// A model of which one weight tensor is filled with a number.
    private func withModel(_ weight: String? = nil, _ value: Float = 0, _ body: (String) throws -> Void) throws {
        try withScratchFolder { folder in
            let path = folder + "/model"
            try writeSeededModel(Self.configuration, seed: 1, to: path)
            if let weight {
                let range = try #require(try SafetensorsFile(path: path).entry(weight)).byteRange
                let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
                try file.seek(toOffset: UInt64(range.lowerBound))
                try file.write(contentsOf: [Float](repeating: value, count: range.count / 4).withUnsafeBytes { Data($0) })
                try file.close()
            }
            try body(path)
        }
    }

    @Test(arguments: [
        ("clip.model.ln_final.weight", "the text encoder gave"), ("vae.encoder.conv_out.weight", "the encoder gave"),
        ("kpn.unet.out.2.weight", "step 1 of 2: the kernel prediction network (LKPN) gave"),
        ("controlnet.zero_convs.1.0.weight", "step 1 of 2: the control network (ControlNet) gave"),
        ("unet.out.2.weight", "step 1 of 2: the denoiser (UNet) gave"), ("vae.decoder.conv_out.weight", "the decoder gave"),
    ]) func weightsNameTheNetwork(_ weight: String, _ words: String) throws {
        var options = RestorationOptions()
        options.steps = 2
        for value in [Float.nan, 3e38] {
            try withModel(weight, value) { path in
                for setting in [OracleSetting.imported, .standard, .narrow] {
                    let error = #expect(throws: InputError.self, "\(setting)") { try restore(path, options, setting) }
                    let text = error?.description ?? ""
                    #expect(text.contains(words) && text.contains("deblurdiff verify"), "\(value), \(setting): \(text)")
                }
            }
        }
    }

    @Test func optionsAreNamed() throws {
        try withModel { path in
            let changes: [(String, String, (inout RestorationOptions) -> Void)] = [
                ("restoration guidance gave", "`restorationGuidance.scale` 1e+30", { $0.restorationGuidance = RestorationGuidance(scale: 1e30) }),
                ("step 1 of 2: ", "`strength` 3e+38", { $0.strength = 3e38 }),
                (
                    "step 1 of 2: ", "`guidanceScale` 3e+38",
                    {
                        $0.guidanceScale = 3e38
                        $0.negativePrompt = .tokens([49406, 320, 49407])
                    }
                ),
            ]
            for (stage, option, change) in changes {
                var options = RestorationOptions()
                options.steps = 2
                change(&options)
                let error = #expect(throws: InputError.self) { try restore(path, options) }
                #expect(error?.what.contains(stage) == true && error?.advice?.contains(option) == true, "\(error?.description ?? "")")
            }
        }
    }
}
