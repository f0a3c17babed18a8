import DeblurDiff
import Files
import Foundation
import GraphFile
import GraphTestSupport
import Images
import TensorFiles
import Tensors
import Testing

@Suite struct ShippedModelTests {
    private func write(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: FilePath.folder(of: path), withIntermediateDirectories: true)
        try SharedFiles.write("x".utf8, path)
    }

    @Test func placesFollowFromTheProgram() {
        #expect(
            ShippedModel.places(program: "/nowhere/bin/deblurdiff")
                == ["/nowhere/bin/small.ddiff.safetensors", "/nowhere/share/deblurdiff/small.ddiff.safetensors"])
        #expect(ShippedModel.places(program: "/deblurdiff") == ["/small.ddiff.safetensors", "/share/deblurdiff/small.ddiff.safetensors"])
    }

    @Test func theNearestIsTaken() throws {
        try withScratchFolder { folder in
            let program = "\(folder)/tree/.build/release/deblurdiff"
            let model = "small.ddiff.safetensors"
            // A folder of the name is no model, and neither is a Models folder of something that is no source tree.
            try FileManager.default.createDirectory(atPath: "\(folder)/tree/.build/release/\(model)", withIntermediateDirectories: true)
            try write("\(folder)/tree/.build/Models/\(model)")
            let none = #expect(throws: InputError.self) { try ShippedModel.path(program: program) }
            for words in ["no model was named", "/release/\(model)", "/.build/share/deblurdiff/\(model)", "`path`", "convert"] {
                #expect(none?.description.contains(words) == true, "\(words)")
            }
            #expect(none?.description.contains("/Models/") == false)
            try write("\(folder)/Package.swift")
            try write("\(folder)/tree/Package.swift")
            let sources = #expect(throws: InputError.self) { try ShippedModel.path(program: program) }
            #expect(sources?.description.contains("\(folder)/tree/Models/\(model)") == true)

            for place in ["Models", "tree/Models", "tree/.build/share/deblurdiff"] {
                try write("\(folder)/\(place)/\(model)")
                #expect(try ShippedModel.path(program: program) == "\(folder)/\(place)/\(model)")
            }
            try FileManager.default.removeItem(atPath: "\(folder)/tree/.build/release/\(model)")
            try write("\(folder)/tree/.build/release/\(model)")
            #expect(try ShippedModel.path(program: program) == "\(folder)/tree/.build/release/\(model)")
        }
    }

    /// An installation of its own: a copy of the program, called by a link elsewhere, with and without a model.
    @Test func anInstalledProgramFindsItsModel() throws {
        try withScratchFolder { folder in
            let manager = FileManager.default
            for part in ["bin", "share/deblurdiff", "elsewhere"] { try manager.createDirectory(atPath: "\(folder)/\(part)", withIntermediateDirectories: true) }
            try manager.copyItem(atPath: Command.path, toPath: folder + "/bin/deblurdiff")
            try manager.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "bin/deblurdiff")
            try SharedFiles.writePhoto(folder + "/elsewhere/photo.png")
            let program = folder + "/link"
            for arguments in [["run", "photo.png", "--output", "o.png"], ["inspect"], ["verify"], ["bench"], ["dump", "--graph", "eac"]] {
                try Command.expectFailure(arguments, of: program, in: folder + "/elsewhere", says: ["no model was named", "/share/deblurdiff/small.ddiff"])
            }

            try manager.copyItem(atPath: try stepModel(2, folder), toPath: folder + "/share/deblurdiff/small.ddiff.safetensors")
            let run = ["run", "photo.png", "--threads", "1", "--output"]
            let plain = try Command.run(run + ["o.png", "--record", "r"], of: program, in: folder + "/elsewhere")
            #expect(plain.status == 0 && plain.errors.contains("Restoring 70 x 50 pixels with small.ddiff.safetensors: about "), "\(plain)")
            // The model's own two steps are as good as two that were asked for.
            let recorded = try SafetensorsFile(path: folder + "/elsewhere/r").tensorNames
            #expect(recorded.contains("eps.1") && !recorded.contains("eps.2"))
            let two = try Command.run(run + ["two.png", "--steps", "2", "--quiet"], of: program, in: folder + "/elsewhere")
            #expect(two.status == 0 && two.errors.isEmpty, "\(two)")
            #expect(try Photo(reading: folder + "/elsewhere/o.png") == Photo(reading: folder + "/elsewhere/two.png"))
            let inspected = try Command.run(["inspect"], of: program, in: folder + "/elsewhere")
            #expect(inspected.output.contains("steps: 2 "), "\(inspected)")
            try Command.expectFailure(
                run + ["../share/deblurdiff/small.ddiff.safetensors"], of: program, in: folder + "/elsewhere", says: ["would be replaced"])
        }
    }

    /// With the weights that ship, a photograph that they were not trained on comes nearer to what it was.
    @Test func theShippedModelSharpens() throws {
        try withScratchFolder { folder in
            let models = repositoryFile("Models")
            let outcome = try Command.run(["run", models + "/cat-blurred.png", "--output", folder + "/o.png"])
            #expect(outcome.status == 0, "\(outcome)")
            let (blurred, restored, sharp) = (
                try Photo(reading: models + "/cat-blurred.png"), try Photo(reading: folder + "/o.png"), try Photo(reading: models + "/cat-sharp.png")
            )
            #expect(sharpness(restored) > sharpness(blurred))
            #expect(PhotoComparison(restored, sharp).psnr > PhotoComparison(blurred, sharp).psnr + 0.4)
        }
    }

    /// How strong the edges are: of neighbouring pixels one in a hundred differs by more levels of green. A mean would count noise, which goes, as well.
    private func sharpness(_ photo: Photo) -> Int {
        var differences: [Int] = []
        for y in 0..<photo.height {
            for x in 1..<photo.width {
                let at = (y * photo.width + x) * 3 + 1
                differences.append(abs(Int(photo.pixels[at]) - Int(photo.pixels[at - 3])))
            }
        }
        return differences.sorted()[differences.count * 99 / 100]
    }

    @Test func aModelWithoutStepsTakesTheReleasedNumber() throws {
        let inspected = try Command.run(["inspect", SharedFiles.model])
        #expect(inspected.output.contains("steps: 50 "), "\(inspected)")
    }

    @Test func stepsThatNoModelCanHave() throws {
        try withScratchFolder { folder in
            for count in [0, -1, 5000] {
                let error = #expect(throws: InputError.self) { try stepModel(count, folder) }
                let words = "steps.yaml: default_steps: is \(count), but must be from 1 to 1000"
                #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
            }
        }
    }

    /// The shared model with a number of steps of its own, converted by the command.
    private func stepModel(_ count: Int, _ folder: String) throws -> String {
        let yaml = try String(contentsOfFile: SharedFiles.config, encoding: .utf8)
            .replacingOccurrences(of: "params:\n", with: "params:\n  default_steps: \(count)\n")
        try SharedFiles.write(yaml.utf8, folder + "/steps.yaml")
        let outcome = try Command.run(["convert", SharedFiles.checkpoint, "--config", "steps.yaml", "-o", "steps.ddiff.safetensors"], in: folder)
        guard outcome.status == 0 else { throw InputError(outcome.errors) }
        return folder + "/steps.ddiff.safetensors"
    }
}
