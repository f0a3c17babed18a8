import Checkpoints
import DeblurDiff
import Files
import Tensors
import Testing

/// Tensors that exist as names and types alone.
final class TestSource: CheckpointSource {
    let paths: [String]
    let names: [String]
    private let shapes: [String: Shape]
    private let elementType: ElementType

    init(_ path: String, _ entries: [(String, Shape)], _ elementType: ElementType = .float32) {
        self.elementType = elementType
        paths = [path]
        names = entries.map(\.0)
        shapes = Dictionary(uniqueKeysWithValues: entries)
    }

    convenience init(_ path: String, names: [String]) { self.init(path, names.map { ($0, [1]) }) }

    func type(of name: String) -> TensorType? { shapes[name].map { TensorType(elementType, $0) } }

    func forEachPiece(of name: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard let shape = shapes[name] else { throw InputError("absent", at: name) }
        try [Float](repeating: 1, count: shape.elementCount).withUnsafeBytes(body)
    }
}

@Suite struct DeblurDiffCheckpointTests {
    private let combined = [
        "unet.input_blocks.0.0.weight", "kpn.unet.out.2.weight", "vae.quant_conv.weight", "clip.model.ln_final.weight",
        "controlnet.zero_convs.0.0.weight",
    ]

    @Test func readsTheCombinedForm() throws {
        let checkpoint = try DeblurDiffCheckpoint(combined: TestSource("model.pth", names: combined + ["epoch_mean"]))
        #expect(checkpoint.names == combined)
        #expect(checkpoint.ignoredNames == ["epoch_mean"])
        #expect(try checkpoint.floats("unet.input_blocks.0.0.weight") == [1])
        let parallel = try DeblurDiffCheckpoint(combined: TestSource("model.pth", names: combined.map { "module.\($0)" }))
        #expect(parallel.names == combined)
    }

    @Test(arguments: ["", "controlnet.", "control_model.", "module."], ["", "unet.", "kpn.unet.", "module.unet."])
    func readsTheThreeSources(controlPrefix: String, lkpnPrefix: String) throws {
        let checkpoint = try DeblurDiffCheckpoint(
            stableDiffusion: TestSource(
                "sd.ckpt",
                names: [
                    "betas", "model.diffusion_model.input_blocks.0.0.weight", "model_ema.decay", "first_stage_model.quant_conv.weight",
                    "cond_stage_model.model.ln_final.weight",
                ]),
            controlNet: TestSource("control.pth", names: ["\(controlPrefix)zero_convs.0.0.weight"]),
            lkpn: TestSource("lkpn.pth", names: ["\(lkpnPrefix)out.2.weight"]))
        #expect(Set(checkpoint.names) == Set(combined))
        #expect(checkpoint.ignoredNames == ["betas", "model_ema.decay"])
        #expect(checkpoint.paths == ["sd.ckpt", "control.pth", "lkpn.pth"])
        #expect(try checkpoint.floats("kpn.unet.out.2.weight") == [1])
    }

    @Test func tellsWhatWasGivenInstead() {
        let stableDiffusion = TestSource("sd.ckpt", names: ["model.diffusion_model.out.2.weight"])
        #expect { try DeblurDiffCheckpoint(combined: stableDiffusion) } throws: { "\($0)".contains("`stableDiffusion`") }
        #expect { try DeblurDiffCheckpoint(combined: TestSource("x", names: ["conv1.weight"])) } throws: { "\($0)".contains("'conv1.weight'") }
        #expect {
            try DeblurDiffCheckpoint(
                stableDiffusion: stableDiffusion, controlNet: TestSource("c.pth", names: ["fc.weight"]), lkpn: TestSource("l", names: ["out.0.bias"]))
        } throws: { "\($0)".contains("c.pth: does not hold the control network") }
        #expect {
            try DeblurDiffCheckpoint(combined: TestSource("x", names: ["unet.a", "module.unet.a"]))
        } throws: { "\($0)".contains("are both 'unet.a'") }
    }

    @Test func countsWhatDoesNotFit() throws {
        var expected: [String: Shape] = [:]
        for index in 0..<10 { expected["unet.needed.\(index)"] = [2] }
        expected["vae.conv"] = [4, 3]
        let checkpoint = try DeblurDiffCheckpoint(
            combined: TestSource("m.pth", [("vae.conv", [4, 2]), ("controlnet.more", [7]), ("unet.needed.3", [2])]))
        let error = #expect(throws: InputError.self) { try checkpoint.check(expected: expected) }
        let text = error?.description ?? ""
        #expect(text.contains("9 missing, 1 unexpected, 1 misshapen of 11 tensors"), "\(text)")
        #expect(text.contains("missing: unet.needed.0 [2]") && text.contains("... and 5 more"), "\(text)")
        #expect(text.contains("unexpected: controlnet.more [7]"), "\(text)")
        #expect(text.contains("vae.conv: [4, 3] expected, [4, 2] found"), "\(text)")
        #expect(text.hasPrefix("m.pth: "))
    }

    /// Transformers with `use_linear_in_transformer: false` project by convolutions.
    @Test func takesConvolutionsThatProject() throws {
        let names = ["unet.input_blocks.1.1.proj_in.weight", "kpn.unet.middle_block.1.proj_out.weight", "controlnet.input_blocks.1.1.proj_in.weight"]
        let checkpoint = try DeblurDiffCheckpoint(combined: TestSource("m.pth", names.map { ($0, [4, 3, 1, 1] as Shape) }))
        try checkpoint.check(expected: Dictionary(uniqueKeysWithValues: names.map { ($0, [4, 3] as Shape) }))
        #expect(checkpoint.type(of: names[0])?.shape == [4, 3])
        // The autoencoder's are convolutions in the networks, too.
        let others: [(String, Shape)] = [("vae.mid.attn_1.proj_out.weight", [4, 3, 1, 1]), (names[0], [4, 3, 3, 3])]
        for (name, shape) in others {
            let checkpoint = try DeblurDiffCheckpoint(combined: TestSource("m.pth", [(name, shape)]))
            #expect(throws: InputError.self) { try checkpoint.check(expected: [name: [4, 3]]) }
        }
    }

    /// Nothing would read integers where the networks have weights.
    @Test func refusesWeightsThatAreNoFloats() throws {
        for type in [ElementType.int64, .int8, .bool] {
            let checkpoint = try DeblurDiffCheckpoint(combined: TestSource("m.pth", [("vae.conv", [4, 2])], type))
            #expect { try checkpoint.check(expected: ["vae.conv": [4, 2]]) } throws: {
                "\($0)".contains("1 not floats of 1 tensors") && "\($0)".contains("not floats: vae.conv \(type.rawValue)[4, 2]")
            }
        }
        try DeblurDiffCheckpoint(combined: TestSource("m.pth", [("vae.conv", [4, 2])], .float64)).check(expected: ["vae.conv": [4, 2]])
    }

    @Test func acceptsWhatIsCarriedUnused() throws {
        let layer = "clip.model.transformer.resblocks"
        let names = [
            "\(layer).0.ln_1.weight", "\(layer).1.ln_1.weight", "\(layer).2.ln_1.weight", "clip.model.text_projection", "clip.model.logit_scale",
            "clip.model.attn_mask", "vae.loss.logvar", "clip.model.visual.proj",
        ]
        let checkpoint = try DeblurDiffCheckpoint(combined: TestSource("m.pth", names: names))
        try checkpoint.check(expected: ["\(layer).0.ln_1.weight": [1], "\(layer).1.ln_1.weight": [1]])
        // Two layers that do not run are another model.
        #expect(throws: InputError.self) { try checkpoint.check(expected: ["\(layer).0.ln_1.weight": [1]]) }
    }
}
