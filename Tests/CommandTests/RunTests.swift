import Foundation
import GraphTestSupport
import ModelFile
import ModelImport
import Photos
import Tensors
import Testing

@Suite struct RunTests {
    private func run(_ arguments: [String], in folder: String) throws -> Command.Outcome {
        try Command.run(["run", "--model", SharedFiles.model, "--steps", "1"] + arguments, in: folder)
    }

    private func expectFailure(
        _ arguments: [String], model: String? = nil, in folder: String, says words: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try Command.expectFailure(
            ["run", "--model", model ?? SharedFiles.model, "--steps", "1"] + arguments, in: folder, says: words, sourceLocation: sourceLocation)
    }

    @Test func onePhotograph() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            let outcome = try run(["photo.png", "--output", "sharp.png", "--record", "stages.safetensors"], in: folder)
            #expect(outcome.status == 0, "\(outcome)")
            #expect(outcome.output.isEmpty)
            #expect(outcome.errors.contains("Wrote sharp.png: 70 x 50"))
            #expect(try Set(Command.contents(folder).keys) == ["photo.png", "sharp.png", "stages.safetensors"])
            let sharp = try Photo(readingPNG: folder + "/sharp.png")
            #expect((sharp.width, sharp.height) == (70, 50))
            let stages = try SafetensorsFile(path: folder + "/stages.safetensors").tensorNames
            for stage in ["clip_context.0", "vae_moments.0", "unet_in.0", "lkpn_kernel.0", "eac.0", "control12.0", "eps.0", "decoded.0"] {
                #expect(stages.contains(stage), "\(stage)")
            }
            // Again, over the old result, with nothing to say: the same picture.
            for more in [["--threads", "1", "--record", "stages.safetensors"], []] {
                let again = try run(["photo.png", "--output", "sharp.png", "--quiet"] + more, in: folder)
                #expect(again.status == 0)
                #expect(again.errors.isEmpty && again.output.isEmpty)
                let picture = try Photo(readingPNG: folder + "/sharp.png")
                // Without a record some sums are taken elsewhere, which may round a level otherwise.
                let apart = zip(picture.pixels, sharp.pixels).map { abs(Int($0) - Int($1)) }.max()!
                #expect(picture.pixels.count == sharp.pixels.count && apart <= (more.isEmpty ? 1 : 0))
            }
        }
    }

    @Test func severalPhotographsOfWhichOneIsBroken() throws {
        try withScratchFolder { folder in
            let manager = FileManager.default
            try manager.createDirectory(atPath: folder + "/in", withIntermediateDirectories: false)
            for name in ["b.png", "c.PNG"] { try SharedFiles.writePhoto("\(folder)/in/\(name)", width: 64, height: 64) }
            try SharedFiles.write("text".utf8, folder + "/in/a.png")
            try SharedFiles.write("text".utf8, folder + "/in/notes.txt")
            let outcome = try run(["in", "--output", "new/out"], in: folder)
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("Error: in/a.png: is not a PNG file"))
            #expect(outcome.errors.contains("1 of 3 images could not be restored; the others were written"))
            #expect(try Set(Command.contents(folder + "/new").keys) == ["out", "out/b.png", "out/c.PNG"])
            try expectFailure(["in", "--output", "in"], in: folder, says: "would be replaced")
            try expectFailure(["in", "--output", "in/notes.txt"], in: folder, says: "is a file, but several images need a folder")
            try expectFailure(["in/b.png", "new/out/b.png", "--output", "other"], in: folder, says: "would both be written there")
            try expectFailure(["in", "--output", "out2", "--record", "r"], in: folder, says: "records one image only")
        }
    }

    @Test func picturesThatAreNone() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            try SharedFiles.write("just words".utf8, folder + "/text.png")
            try SharedFiles.write(SharedFiles.read(folder + "/photo.png").dropLast(200), folder + "/cut.png")
            try SharedFiles.write([0xff, 0xd8, 0xff, 0xe0, 0, 0], folder + "/photo.jpg")
            try SharedFiles.write([], folder + "/empty.png")
            try FileManager.default.createDirectory(atPath: folder + "/nothing", withIntermediateDirectories: false)
            try expectFailure(["text.png", "--output", "o.png"], in: folder, says: "text.png", "is not a PNG file")
            try expectFailure(["cut.png", "--output", "o.png"], in: folder, says: "cut.png", "damaged")
            try expectFailure(["photo.jpg", "--output", "o.png"], in: folder, says: "photo.jpg", "JPEG")
            try expectFailure(["empty.png", "--output", "o.png"], in: folder, says: "empty.png", "empty")
            try expectFailure(["none.png", "--output", "o.png"], in: folder, says: "none.png", "No such file")
            try expectFailure(["nothing", "--output", "o"], in: folder, says: "nothing", "no PNG files")
        }
    }

    @Test func placesWhereNothingCanBeWritten() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            try FileManager.default.createSymbolicLink(atPath: folder + "/link.png", withDestinationPath: "photo.png")
            try expectFailure(["photo.png", "--output", "photo.png"], in: folder, says: "would be replaced")
            try expectFailure(["photo.png", "--output", "link.png"], in: folder, says: "would be replaced")
            try expectFailure(["photo.png", "--output", "."], in: folder, says: "would be replaced")
            try expectFailure(["photo.png", "--output", "none/o.png"], in: folder, says: "does not exist")
            try expectFailure(["photo.png", "--output", "/dev/null"], in: folder, says: "not a regular file")
            try expectFailure(["photo.png", "--output", "photo.png/o.png"], in: folder, says: "not a folder")
            try expectFailure(["photo.png", "--output", "o.png", "--record", "none/r"], in: folder, says: "none", "does not exist")
            try expectFailure(["photo.png", "--output", "o.png", "--record", "o.png"], in: folder, says: "also the --output")
            try expectFailure(["photo.png", "--output", "o.png", "--record", "photo.png"], in: folder, says: "would be replaced")
        }
        // The model is read as well.
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            try FileManager.default.copyItem(atPath: SharedFiles.model, toPath: folder + "/m")
            try expectFailure(["photo.png", "--output", "m"], model: "m", in: folder, says: "would be replaced")
        }
    }

    @Test func modelsThatAreNone() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            func expect(_ model: String, _ words: String...) throws {
                for arguments in [["run", "photo.png", "--output", "o.png", "--model", model], ["inspect", model], ["verify", model]] {
                    try Command.expectFailure(arguments, in: folder, says: [model] + words)
                }
            }
            try expect("none", "No such file")
            try expect(".", "is a folder")
            try expect("photo.png", "not a converted model")
            try FileManager.default.createSymbolicLink(atPath: folder + "/checkpoint", withDestinationPath: SharedFiles.checkpoint)
            try expect("checkpoint", "is a checkpoint", "deblurdiff convert")
            let whole = try SharedFiles.read(SharedFiles.model)
            for count in [0, 7, 100, 100_000, whole.count - 1] {
                try SharedFiles.write(whole.prefix(count), folder + "/cut-\(count)")
                try expect("cut-\(count)")
            }
            // A changed digit in the text of a graph.
            var changed = whole
            let place = try #require(Data(whole).range(of: Data("kernel_size = [5".utf8))).upperBound - 1
            changed[place] = UInt8(ascii: "3")
            try SharedFiles.write(changed, folder + "/changed")
            try expect("changed", "damaged")
            // A changed weight: found by verify alone, which reads them all.
            var weight = whole
            weight[whole.count - 3] ^= 1
            try SharedFiles.write(weight, folder + "/weight")
            try Command.expectFailure(["verify", "weight"], in: folder, says: ["weight", "1 problem", "checksum"])
        }
    }

    /// Whole files, but with graphs that nothing can be done with.
    @Test func modelsWithBrokenGraphs() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            let checkpoint = try DeblurDiffCheckpoint(combined: openCheckpoint(SharedFiles.checkpoint))
            let configuration = try ModelConfiguration(yaml: String(contentsOfFile: SharedFiles.config, encoding: .utf8))
            let graphs = try DeblurDiffArchitecture.graphs(configuration)
            let names = DeblurDiffArchitecture.parameterShapes(graphs)
            func expect(_ name: String, _ text: String?, _ words: String...) throws {
                var texts = graphs.mapValues(\.text)
                texts[name] = text
                try ModelFile.write(
                    ModelFileContents(graphs: texts, configuration: configuration), to: folder + "/model",
                    parameters: checkpoint.names.filter { names[$0] != nil }, from: checkpoint, converter: "tests")
                let arguments = ["run", "photo.png", "--output", "o.png", "--model", "model", "--steps", "1"]
                try Command.expectFailure(arguments, in: folder, says: ["model"] + words)
            }
            try expect("unet", nil, "no graph 'unet'")
            try expect("unet", "graph unet {", "graph 'unet'", "line 1, column 13")
            try expect("unet", "graph unet {\n  parameter @none : f32[1]\n}", "reads 'none'")
            try expect("lkpn", graphs["eac"]!.text, "lkpn")
            try expect("text_encoder", "graph text_encoder {\n}", "text_encoder")
            try expect(
                "vae_encoder",
                "graph vae_encoder {\n  input %image : f32[1, 3, 512, 512]\n  %y = silu(%image) : f32[1, 3, 512, 512]\n  output moments = %y\n}",
                "vae_encoder")
            try expect(
                "text_encoder",
                "graph text_encoder {\n  input %tokens : i32[1, 77]\n  parameter @unet.out.2.bias : bf16[4]\n"
                    + "  %y = add(@unet.out.2.bias, @unet.out.2.bias) : bf16[4]\n  output context = %y\n}", "text_encoder")
        }
    }

    @Test func promptsNeedTheVocabulary() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            try expectFailure(["photo.png", "--output", "o.png", "--pos-prompt", "a cat"], in: folder, says: "a cat", "--vocab")
            try expectFailure(["photo.png", "--output", "o.png", "--cfg-scale", "2"], in: folder, says: "low quality", "--vocab")
            let guided = try run(["photo.png", "--output", "o.png", "--cfg-scale", "2", "--neg-prompt", ""], in: folder)
            #expect(guided.status == 0, "\(guided)")
        }
    }

    @Test func tilesMustFitTheLatent() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            try expectFailure(["photo.png", "--output", "o.png", "--tiled", "--tile-size", "100"], in: folder, says: "--tile-size", "multiple of 8")
            let tiled = try run(["photo.png", "--output", "o.png", "--tiled", "--tile-size", "64", "--tile-stride", "64"], in: folder)
            #expect(tiled.status == 0, "\(tiled)")
        }
    }
}
