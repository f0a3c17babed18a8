import DeblurDiff
import Files
import Foundation
import GraphTestSupport
import Images
import TensorFiles
import Tensors
import Testing

/// Models of other systems, and networks in front of a model.
@Suite struct SystemTests {
    private static let fixtures = repositoryFile("Tests/Fixtures/systems")

    /// Writes seeded weights of a configuration, each file with the names that it has in its authors' form.
    private func write(_ config: String, _ files: [(path: String, prefixes: [String: String])], in folder: String) throws {
        let configuration = try ModelConfiguration(yaml: String(contentsOfFile: "\(Self.fixtures)/\(config)", encoding: .utf8))
        let shapes = DeblurDiffArchitecture.parameterShapes(try DeblurDiffArchitecture.graphs(configuration))
        for (path, prefixes) in files {
            var tensors: [(name: String, tensor: Tensor)] = []
            for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
                guard let prefix = prefixes.keys.first(where: { name.hasPrefix($0) }) else { continue }
                tensors.append((prefixes[prefix]! + name.dropFirst(prefix.count), seededTensor(key: name, shape: shape, seed: 1)))
            }
            let writer = try SafetensorsWriter(path: "\(folder)/\(path)", entries: tensors.map { (name: $0.name, type: $0.tensor.type) })
            for (_, tensor) in tensors { try tensor.withBytes(writer.write) }
            try writer.finish()
        }
    }

    private static let stableDiffusion = ["unet.": "model.diffusion_model.", "vae.": "first_stage_model.", "clip.": "cond_stage_model."]

    @Test func aDiffBIRFromItsTwoSources() throws {
        try withScratchFolder { folder in
            try write("diffbir.yaml", [("sd.safetensors", Self.stableDiffusion), ("v2.safetensors", ["controlnet.": ""])], in: folder)
            let sources = ["convert", "--sd", "sd.safetensors", "--controlnet", "v2.safetensors"]
            let arguments = sources + ["--config", "\(Self.fixtures)/diffbir.yaml", "--diffusion-config", "\(Self.fixtures)/diffusion_v2.1.yaml"]
            let outcome = try Command.run(arguments + ["-o", "m.ddiff.safetensors"], in: folder)
            #expect(outcome.status == 0, "\(outcome)")
            #expect(
                outcome.errors.contains(
                    "Found a DiffBIR: the control network reads 4 channels beside the latent's 4; the denoiser predicts v, from noise without any signal."))
            let inspected = try Command.run(["inspect", "m.ddiff.safetensors", "--size", "64x64"], in: folder)
            #expect(inspected.status == 0 && inspected.output.contains("system: DiffBIR") && !inspected.output.contains("lkpn"), "\(inspected)")
            for arguments in [["dump", "--graph", "step"], ["diff", "--graph", "control_net"], ["bench", "--size", "64x64", "--runs", "1"]] {
                let outcome = try Command.run([arguments[0], "m.ddiff.safetensors"] + arguments.dropFirst(), in: folder)
                #expect(outcome.status == 0, "\(outcome)")
            }
            try Command.expectFailure(["dump", "m.ddiff.safetensors", "--graph", "lkpn"], in: folder, says: ["there is no graph 'lkpn'"])
            // Sizes of the released model, which these are not; and of another system.
            try Command.expectFailure(sources + ["-o", "n"], in: folder, says: ["do not fit the configuration"])
            try Command.expectFailure(
                sources + ["--config", SharedFiles.config, "-o", "n"], in: folder,
                says: ["those of a DiffBIR", "configuration is that of a DeblurDiff", "--config"])
        }
    }

    /// ControlNet's own form has all networks in one checkpoint.
    @Test func aControlNetInOne() throws {
        try withScratchFolder { folder in
            let all = Self.stableDiffusion.merging(["controlnet.": "control_model."]) { $1 }
            try write("controlnet.yaml", [("control.safetensors", all)], in: folder)
            try SharedFiles.writePhoto(folder + "/photo.png", width: 40, height: 30)
            let outcome = try Command.run(["convert", "control.safetensors", "--config", "\(Self.fixtures)/controlnet.yaml", "-o", "m"], in: folder)
            #expect(outcome.status == 0 && outcome.errors.contains("Found a ControlNet: the control network reads a picture of 3 channels"), "\(outcome)")
            for more in [[], ["--tiled", "--tile-size", "64", "--tile-stride", "64", "--overwrite"], ["--better-start", "--overwrite"]] {
                let run = try Command.run(["run", "photo.png", "--model", "m", "-o", "out.png", "--steps", "1"] + more, in: folder)
                #expect(run.status == 0, "\(run)")
            }
            #expect(try Command.run(["plan", "photo.png", "--model", "m", "--steps", "1"], in: folder).status == 0)
            let refused = try Command.run(["run", "photo.png", "--model", "m", "-o", "b.png", "--contact-sheet", "sheet.png"], in: folder)
            #expect(refused.status == 1 && refused.errors.contains("need the LKPN, and this is a ControlNet"), "\(refused)")
            try Command.expectFailure(
                ["run", "photo.png", "--model", "m", "-o", "b.png", "--without", "eac"], in: folder, says: ["which has no part 'eac' to leave out"])
        }
    }

    @Test(arguments: [
        ("up_blocks.1.pixel_attentions.0.norm.weight", "PASD's pixel-aware cross attention"),
        ("up_blocks.1.attentions.0.transformer_blocks.0.attn2_plus.to_q.weight", "PASD's pixel-aware cross attention"),
        ("controlnet_cond_embedding.conv_in.weight", "layout of diffusers"),
        ("cond_stage_model.transformer.text_model.final_layer_norm.weight", "text encoder of Stable Diffusion 1"),
        ("conditioner.embedders.0.transformer.text_model.final_layer_norm.weight", "Stable Diffusion XL"),
    ])
    func networksOfOtherSystems(_ name: String, _ words: String) throws {
        try withScratchFolder { folder in
            try writeSeededCheckpoint(keys: [(key: name, shape: [2])], seed: 1, to: folder + "/other.safetensors")
            try Command.expectFailure(["convert", "other.safetensors", "-o", "m"], in: folder, says: [words, name])
            try Command.expectFailure(
                ["convert", "--sd", "other.safetensors", "--controlnet", SharedFiles.checkpoint, "-o", "m"], in: folder, says: [words, name])
        }
    }

    /// A DeblurDiff's control network without its LKPN, and one that reads what nothing here does.
    @Test(arguments: [(12, "there is no LKPN"), (9, "reads 5 channels beside the latent's 4")])
    func controlNetworksThatDoNotFit(_ channels: Int, _ words: String) throws {
        try withScratchFolder { folder in
            let unet = "model.diffusion_model.input_blocks.0.0.weight"
            try writeSeededCheckpoint(keys: [(key: unet, shape: [32, 4, 3, 3])], seed: 1, to: folder + "/sd.safetensors")
            try writeSeededCheckpoint(keys: [(key: "input_blocks.0.0.weight", shape: [32, channels, 3, 3])], seed: 1, to: folder + "/c.safetensors")
            try Command.expectFailure(["convert", "--sd", "sd.safetensors", "--controlnet", "c.safetensors", "-o", "m"], in: folder, says: [words])
        }
    }

    /// What ONNX Runtime makes of the picture, whole, padded, in tiles, and made larger.
    @Test(arguments: [
        ("cleaner.onnx", "whole", 48, 32), ("cleaner.onnx", "padded", 44, 30), ("cleaner_tile.onnx", "tiled", 48, 32),
        ("cleaner_double.onnx", "double", 48, 32),
        ("converted", "tiled", 48, 32),
    ])
    func aCleanerInFront(_ file: String, _ name: String, _ width: Int, _ height: Int) throws {
        try withScratchFolder { folder in
            let picture = try Photo(reading: repositoryFile("Tests/Fixtures/configs/picture.png"))
            let rows = (0..<height).flatMap { row in picture.pixels[row * 144..<row * 144 + 3 * width] }
            try Photo(width: width, height: height, pixels: rows).writePNG(folder + "/photo.png")
            var cleaner = "\(Self.fixtures)/\(file)"
            if file == "converted" {
                cleaner = "cleaner.ddiff.safetensors"
                #expect(try Command.run(["convert", "\(Self.fixtures)/cleaner_tile.onnx", "-o", cleaner], in: folder).status == 0)
            }
            let arguments = ["run", "photo.png", "--model", try SharedFiles.model, "--steps", "1", "-o", "out.png"]
            let outcome = try Command.run(arguments + ["--cleaner", cleaner, "--record", "stages.safetensors"], in: folder)
            #expect(outcome.status == 0, "\(outcome)")
            var expected = try SafetensorsFile(path: "\(Self.fixtures)/cleaner.safetensors").tensor(name)
            // What was made larger is made smaller again.
            if name == "double" { expected = Resampling.resized(expected, height: height, width: width) }
            let cleaned = try SafetensorsFile(path: folder + "/stages.safetensors").tensor("cleaned.0")
            #expect(cleaned.shape == expected.shape)
            #expect(zip(cleaned.floatArray, expected.floatArray).allSatisfy { abs($0 - $1) < 2e-6 })
            // Results say what was in front, so that others are made anew.
            #expect(try Command.run(["inspect", "out.png"], in: folder).output.contains("--cleaner \(FilePath.name(of: cleaner)) ("))
            let plan = try Command.run(["plan", "photo.png", "--model", try SharedFiles.model, "--steps", "1", "--cleaner", cleaner], in: folder)
            #expect(plan.status == 0, "\(plan)")
            let again = try Command.run(arguments, in: folder)
            #expect(again.status == 0 && again.errors.contains("out.png") && !again.errors.contains("skipped"), "\(again)")
        }
    }

    @Test func filesThatAreNoCleaners() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            let arguments = ["run", "photo.png", "--model", try SharedFiles.model, "-o", "out.png", "--cleaner"]
            let metric = repositoryFile("Tests/CommandTests/Fixtures/lpips.onnx")
            try Command.expectFailure(arguments + [metric], in: folder, says: ["lpips.onnx", "is no cleaner"])
            try Command.expectFailure(arguments + [try SharedFiles.model], in: folder, says: ["is no cleaner: that is a file with one graph"])
            try Command.expectFailure(arguments + ["photo.png"], in: folder, says: ["photo.png"])
            try Command.expectFailure(arguments + ["none.onnx"], in: folder, says: ["none.onnx"])
        }
    }
}
