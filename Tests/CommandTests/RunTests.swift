import Checkpoints
import DeblurDiff
import Foundation
import GraphFile
import GraphTestSupport
import Images
import TensorFiles
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
            let sharp = try Photo(reading: folder + "/sharp.png")
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
                let picture = try Photo(reading: folder + "/sharp.png")
                let isSame = picture.pixels == sharp.pixels
                #expect(isSame, "\(more)")
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
            #expect(outcome.errors.contains("Error: in/a.png: is no picture of a format that is read"))
            #expect(outcome.errors.contains("1 of 3 images could not be restored; the others were written"))
            #expect(try Set(Command.contents(folder + "/new").keys) == ["out", "out/b.png", "out/c.PNG"])
            try expectFailure(["in", "--output", "in"], in: folder, says: "would be replaced")
            try expectFailure(["in", "--output", "in/notes.txt"], in: folder, says: "is a file, but several images need a folder")
            for name in ["x.png", "x.JPG"] {
                try expectFailure(["in", "--output", name], in: folder, says: name, "is the name of a picture", "Name a folder")
                try expectFailure(["in/b.png", "in/c.PNG", "--output", name], in: folder, says: "is the name of a picture")
            }
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
            try expectFailure(["text.png", "--output", "o.png"], in: folder, says: "text.png", "is no picture of a format that is read")
            try expectFailure(["cut.png", "--output", "o.png"], in: folder, says: "cut.png", "damaged")
            try expectFailure(["photo.jpg", "--output", "o.png"], in: folder, says: "photo.jpg", "JPEG file is damaged")
            try expectFailure(["empty.png", "--output", "o.png"], in: folder, says: "empty.png", "empty")
            try expectFailure(["none.png", "--output", "o.png"], in: folder, says: "none.png", "No such file")
            try expectFailure(["nothing", "--output", "o"], in: folder, says: "nothing", "no photographs")
            try expectFailure(["photo.png", "--output", "o.png", "--max-pixels", "3499"], in: folder, says: "photo.png", "too large: 70 x 50", "--max-pixels")
        }
    }

    @Test func aFolderTellsWhatIsPassedOver() throws {
        try withScratchFolder { folder in
            for part in ["in/sub", "in/old.png", "none/deep"] {
                try FileManager.default.createDirectory(atPath: "\(folder)/\(part)", withIntermediateDirectories: true)
            }
            for name in ["in/a.gif", "in/b.GIF", "in/c.dng", "in/notes.txt", "in/.hidden.jpg", "none/a.bmp"] {
                try SharedFiles.write("text".utf8, "\(folder)/\(name)")
            }
            try SharedFiles.writePhoto(folder + "/in/photo.png", width: 64, height: 64)
            try SharedFiles.writePhoto(folder + "/in/without", width: 64, height: 64)
            let outcome = try run(["in", "--output", "x.png/"], in: folder)
            #expect(outcome.status == 0, "\(outcome)")
            let remark = "in: passing over 2 GIF files, 1 camera raw file, 1 other file."
            #expect(outcome.errors.split(separator: "\n").contains { $0 == remark }, "\(outcome)")
            #expect(try Set(Command.contents(folder + "/x.png").keys) == ["photo.png", "without.png"])
            #expect(try run(["in", "--output", "out", "--quiet"], in: folder).errors.isEmpty)
            try expectFailure(["none", "--output", "o"], in: folder, says: "none: holds no photographs", "It holds 1 BMP file.")
        }
    }

    @Test func resultsAreOfTheFormatThatTheirNamesSay() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            try SharedFiles.writePhoto(folder + "/really-png.jpg")
            // Before any work, even that of looking at the picture.
            for (name, kind) in [("result.gif", "GIF"), ("a.b.HEIC", "HEIC"), ("a.avif", "AVIF"), ("a.dng", "camera raw")] {
                try expectFailure(
                    ["none.png", "--output", name], in: folder, says: "\(name): would be a \(kind) file by its name", "only PNG, JPEG, TIFF or WebP")
            }
            try expectFailure(["photo.png", "--output", "a.png", "--format", "jpeg"], in: folder, says: "a.png: would be a PNG file by its name")
            for (arguments, output, format) in [
                (["photo.png", "-o", "a.jpg"], "a.jpg", "JPEG"), (["photo.png", "-o", "a.TIFF"], "a.TIFF", "TIFF"),
                (["photo.png", "-o", "a.webp"], "a.webp", "WebP"),
                (["photo.png", "-o", "plain"], "plain", "PNG"), (["photo.png", "-o", "plain2", "--format", "webp"], "plain2", "WebP"),
                (["a.jpg", "-o", "plain3"], "plain3", "JPEG"), (["really-png.jpg", "a.jpg", "-o", "out"], "out/really-png.png", "PNG"),
                (["a.jpg", "-o", "out2/", "--format", "tiff"], "out2/a.tif", "TIFF"),
            ] as [([String], String, String)] {
                let outcome = try run(arguments, in: folder)
                #expect(outcome.status == 0, "\(outcome)")
                #expect(try ImageFormats.codec(ofFile: "\(folder)/\(output)").name == format)
                let photo = try Photo(reading: "\(folder)/\(output)")
                #expect((photo.width, photo.height) == (70, 50))
            }
        }
    }

    /// On its side, by an EXIF tag, as telephones store it.
    @Test func turnedPhotographsComeOutUpright() throws {
        try withScratchFolder { folder in
            var exif: [UInt8] = Array("MM".utf8) + [0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]
            exif = [0xff, 0xe1, 0, UInt8(exif.count + 8)] + Array("Exif\0\0".utf8) + exif
            try SharedFiles.writePhoto(folder + "/photo.png")
            let plain = try Photo(reading: folder + "/photo.png").encoded(as: JPEGCodec())
            try SharedFiles.write(plain[..<20] + exif + plain[20...], folder + "/side.jpg")
            for output in ["o.jpg", "o.png", "o.tif", "o.webp"] {
                #expect(try run(["side.jpg", "-o", output], in: folder).status == 0)
                let photo = try Photo(reading: "\(folder)/\(output)")
                #expect((photo.width, photo.height) == (50, 70))
                #expect(photo.metadata.exif?.orientation == (output == "o.tif" ? nil : 1))
            }
        }
    }

    @Test func resultsSayHowTheyWereMade() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            let more = ["--seed", "7", "--cfg-scale", "1.5", "--neg-prompt", ""]
            for format in ["png", "jpg", "tif", "webp"] {
                #expect(try run(["photo.png", "-o", "o.\(format)"] + more, in: folder).status == 0)
                let made = try Command.run(["inspect", "o.\(format)"], in: folder)
                #expect(made.status == 0)
                for words in [
                    "50, colour, 8 bits", "restored by deblurdiff 0.", "tiny.ddiff.safetensors, digest ", "--seed 7 --steps 1 --neg-prompt '' --cfg-scale 1.5",
                ] {
                    #expect(made.output.contains(words), "\(made)")
                }
                let first = try SharedFiles.read(folder + "/o.\(format)")
                #expect(try run(["photo.png", "-o", "o.\(format)"] + more, in: folder).status == 0)
                let isSame = try SharedFiles.read(folder + "/o.\(format)") == first
                #expect(isSame, "the same run, other bytes: \(format)")
                #expect(try run(["photo.png", "-o", "bare.\(format)", "--strip-metadata"] + more, in: folder).status == 0)
                let bare = try Photo(reading: "\(folder)/bare.\(format)").metadata
                #expect(bare.exif == nil && bare.xmp == nil)
            }
            let digest = try Command.run(["inspect", SharedFiles.model]).output.split(separator: "\n").first { $0.contains("digest") }
            #expect(try Command.run(["inspect", "o.png"], in: folder).output.contains(String(try #require(digest).split(separator: " ")[1])))
        }
    }

    /// What the model makes of a gray picture has colours.
    @Test func grayPicturesStayGrayAndKeepTheirTexts() throws {
        try withScratchFolder { folder in
            let levels = (0..<64 * 64).map { UInt8(truncatingIfNeeded: $0 * $0 / 7 + $0 / 3) }
            var metadata = PhotoMetadata()
            metadata.chunks = [PNGChunk(type: "tEXt", bytes: Array("Author\0me".utf8))]
            let gray = Photo(width: 64, height: 64, pixels: levels.flatMap { [$0, $0, $0] }, alpha: levels, isGray: true, metadata: metadata)
            try gray.writePNG(folder + "/photo.png")
            #expect(try run(["photo.png", "--output", "o.png"], in: folder).status == 0)
            let restored = try Photo(reading: folder + "/o.png")
            #expect(restored.isGray && restored.alpha == .eight(levels) && restored.metadata.chunks == metadata.chunks)
            #expect(restored.pixels != gray.pixels)
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
            try expectFailure(["photo.png", "--output", "photo.png/o.png"], in: folder, says: "not a folder")
            try expectFailure(["photo.png", "--output", "o.png", "--record", "none/r"], in: folder, says: "none", "does not exist")
            try expectFailure(["photo.png", "--output", "o.png", "--record", "o.png"], in: folder, says: "same file as o.png")
            for other in ["./o.png", ".//o.png", folder + "/o.png"] {
                try expectFailure(["photo.png", "--output", "o.png", "--record", other], in: folder, says: "same file as")
            }
            try expectFailure(["photo.png", "--output", "new/", "--record", "new/./photo.png"], in: folder, says: "does not exist")
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
            // What is in a photograph, 'inspect' tells.
            for arguments in [["run", "photo.png", "--output", "o.png", "--model", "photo.png"], ["verify", "photo.png"]] {
                try Command.expectFailure(arguments, in: folder, says: ["photo.png", "not a converted model"])
            }
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
                    ModelFileContents(graphs: texts, family: ModelFamily(name: DeblurDiffModel.family, configuration: configuration.json)),
                    to: folder + "/model",
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
            try expectFailure(["photo.png", "--output", "o.png", "--pos-prompt", "a cat", "--quiet"], in: folder, says: "a cat", "--vocab")
            try expectFailure(["photo.png", "--output", "o.png", "--cfg-scale", "2", "--quiet"], in: folder, says: "low quality", "--vocab")
            let guided = try run(["photo.png", "--output", "o.png", "--cfg-scale", "2", "--neg-prompt", ""], in: folder)
            #expect(guided.status == 0, "\(guided)")
        }
    }

    /// `--pos-prompt=` is the empty prompt; only the positive one, so that the others' defaults are known to stay.
    @Test func anEmptyValueIsAValue() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            for arguments in [["--pos-prompt="], ["--cfg-scale=2", "--neg-prompt=", "--pos-prompt="], ["--cfg-scale", "2", "--neg-prompt="]] {
                let outcome = try run(["photo.png", "--output", "o.png"] + arguments, in: folder)
                #expect(outcome.status == 0, "\(outcome)")
            }
        }
    }

    @Test func tilesAreCutDownToTheLatent() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png", width: 150)
            func tiled(_ size: Int, _ stride: Int) throws -> [UInt8] {
                let outcome = try run(["photo.png", "--output", "o.png", "--tiled", "--tile-size", "\(size)", "--tile-stride", "\(stride)"], in: folder)
                #expect(outcome.status == 0, "\(outcome)")
                return try Photo(reading: folder + "/o.png").pixels
            }
            let (even, odd, other) = (try tiled(64, 40), try tiled(71, 47), try tiled(64, 48))
            let isSame = even == odd
            #expect(isSame && even != other)
            for size in ["7", "100", "63"] {
                try expectFailure(["photo.png", "--output", "p.png", "--tiled", "--tile-size=\(size)"], in: folder, says: "--tile-size", "multiple of 64")
            }
            let tile = ["photo.png", "--output", "p.png", "--tiled", "--tile-size", "64", "--tile-stride"]
            for stride in ["72", "7"] {
                try expectFailure(tile + [stride], in: folder, says: "--tile-stride: must be 8 to 64 pixels (--tile-size), not \(stride)")
            }
        }
    }

    @Test func guidanceActsBetweenItsTimesteps() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            func picture(_ arguments: String...) throws -> [UInt8] {
                let outcome = try Command.run(
                    ["run", "--model", SharedFiles.model, "--steps", "3", "photo.png", "--output", "o.png"] + arguments, in: folder)
                #expect(outcome.status == 0, "\(outcome)")
                return try Photo(reading: folder + "/o.png").pixels
            }
            let (plain, guided) = (try picture(), try picture("--g-scale", "0.1"))
            // Timesteps 999, 500 and 0.
            let (never, always) = (try picture("--g-scale", "0.1", "--g-stop", "1000"), try picture("--g-scale", "0.1", "--g-start", "1001", "--g-stop", "-1"))
            let (late, twice) = (try picture("--g-scale", "0.1", "--g-start", "501"), try picture("--g-scale", "0.1", "--g-repeat", "2"))
            let isPlain = plain == never
            let isGuided = guided == always
            #expect(isPlain && isGuided && Set([plain, guided, late, twice]).count == 4)
            let (edges, rgb) = (try picture("--g-scale", "0.1", "--g-space", "rgb"), try picture("--g-scale", "0.1", "--g-space", "rgb", "--g-loss", "mse"))
            #expect(Set([plain, guided, edges, rgb]).count == 4)
            #expect(try Command.run(["inspect", "o.png"], in: folder).output.contains("--g-scale 0.1 --g-space rgb --g-loss mse"))
            try expectFailure(["photo.png", "--output", "p.png", "--g-scale", "0.1", "--g-repeat", "0"], in: folder, says: "--g-repeat", "1 to 1000")
        }
    }

    /// Parts that are left out decide the result, so that it tells of them; what needs them says so.
    @Test func leavesOutParts() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            func picture(_ arguments: String...) throws -> [UInt8] {
                let outcome = try run(["photo.png", "--output", "o.png", "--overwrite"] + arguments, in: folder)
                #expect(outcome.status == 0, "\(outcome)")
                return try Photo(reading: folder + "/o.png").pixels
            }
            let pictures = [try picture(), try picture("--without", "eac"), try picture("--without", "eac", "--without", "feedback")]
            #expect(Set(pictures).count == 3)
            #expect(try Command.run(["inspect", "o.png"], in: folder).output.contains("--without eac --without feedback"))
            try expectFailure(
                ["photo.png", "--output", "p.png", "--without", "lkpn", "--kernels", "k.png", "--quiet"], in: folder, says: "need the LKPN", "--without")
        }
    }

    @Test func seedModes() throws {
        try withScratchFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/in", withIntermediateDirectories: false)
            for name in ["a", "c"] { try SharedFiles.writePhoto("\(folder)/in/\(name).png") }
            try SharedFiles.write("text".utf8, folder + "/in/b.png")
            func pictures(_ arguments: String...) throws -> [[UInt8]] {
                _ = try run(["in", "--output", "out"] + arguments, in: folder)
                return try ["a", "c"].map { try Photo(reading: "\(folder)/out/\($0).png").pixels }
            }
            let (each, once) = (try pictures(), try pictures("--seed-mode", "once"))
            let isRepeated = each[0] == each[1]
            let isBegunAlike = each[0] == once[0]
            let isGoneOn = once[0] != once[1]
            #expect(isRepeated && isBegunAlike && isGoneOn)
        }
    }

    /// No picture, and nothing in the place of an old one.
    @Test func numbersThatGrowWithoutBound() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            try expectFailure(
                ["photo.png", "--output", "o.png", "--g-scale", "1e30", "--quiet"], in: folder, says: "step 1 of 1", "infinite or NaN", "--g-scale 1e+30")
        }
    }
}
