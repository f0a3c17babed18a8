import Files
import Foundation
import GraphTestSupport
import Images
import TensorFiles
import Testing

@Suite struct BlurCommandTests {
    private let small = ["--kernel-size", "9", "--length", "3-20", "--quiet"]

    @Test func pairsKernelsAndRecords() throws {
        try withScratchFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/photos/deep", withIntermediateDirectories: true)
            try SharedFiles.writePhoto(folder + "/photos/a.png")
            try SharedFiles.writePhoto(folder + "/photos/deep/b.png", width: 40, height: 30)
            let outcome = try Command.run(["blur", "photos", "-o", "pairs", "--count", "2", "--regions", "1-2"] + small, in: folder)
            #expect(outcome.status == 0 && outcome.errors.isEmpty && outcome.output.isEmpty, "\(outcome)")
            let names = ["a-1", "a-2", "deep/b-1", "deep/b-2"]
            let wanted = names.flatMap { ["blur/\($0).png", "sharp/\($0).png", "kernels/\($0).npy", "kernels/\($0).png"] }
            let files = try Command.contents(folder + "/pairs").keys.filter { $0.contains(".") }
            #expect(Set(files) == Set(wanted + ["blur.jsonl"]))
            let lines = try String(contentsOfFile: folder + "/pairs/blur.jsonl", encoding: .utf8).split(separator: "\n")
            #expect(lines.count == 4)
            for (line, name) in zip(lines, names) {
                let record = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                let kernels = try TensorFile.read("\(folder)/pairs/kernels/\(name).npy")[0].tensor
                #expect(record["blurredFile"] as? String == "blur/\(name).png" && record["seed"] as? Int == 231)
                #expect((record["motions"] as? [Any])?.count == kernels.shape[0])
                #expect(kernels.shape[1] == 9 && kernels.shape[2] == 9)
                let sharp = try Photo(reading: "\(folder)/pairs/sharp/\(name).png")
                #expect((sharp.width, sharp.height) == (name.hasPrefix("a") ? (62, 42) : (32, 22)))
                let blurred = try Photo(reading: "\(folder)/pairs/blur/\(name).png")
                #expect((blurred.width, blurred.height) == (sharp.width, sharp.height))
            }
            // The same bits from one photograph alone, with one thread.
            let alone = try Command.run(
                ["blur", "photos/a.png", "-o", "alone", "--count", "2", "--regions", "1-2", "--threads", "1"] + small, in: folder)
            #expect(alone.status == 0, "\(alone)")
            for file in wanted where file.contains("/a-") {
                #expect(try SharedFiles.read("\(folder)/alone/\(file)") == SharedFiles.read("\(folder)/pairs/\(file)"), "\(file)")
            }
        }
    }

    @Test func framesAreAveraged() throws {
        try withScratchFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/film", withIntermediateDirectories: true)
            for number in 0..<7 { try SharedFiles.writePhoto("\(folder)/film/\(number).png") }
            let outcome = try Command.run(["blur", "film", "-o", "out", "--frames", "3", "--between", "2"] + small, in: folder)
            #expect(outcome.status == 0, "\(outcome)")
            #expect(try FilePath.contents(of: folder + "/out/blur") == ["1.png", "4.png"])
            // Nothing moves.
            #expect(try Photo(reading: folder + "/out/blur/1.png").pixels == Photo(reading: folder + "/film/1.png").pixels)
            try Command.expectFailure(["blur", "film", "-o", "none", "--frames", "9"], in: folder, says: ["9 frames"])
        }
    }

    @Test func statistics() throws {
        let outcome = try Command.run(["blur", "--statistics", "20", "--json"])
        let report = try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        #expect(report["count"] as? Int == 20 && report["turning"] != nil)
    }

    @Test func mistakes() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/a.png")
            try FileManager.default.createDirectory(atPath: folder + "/masks", withIntermediateDirectories: true)
            func fails(_ arguments: [String], _ words: String...) throws {
                let outcome = try Command.run(["blur", "a.png", "-o", "out"] + arguments, in: folder)
                #expect(outcome.status != 0, "\(outcome)")
                for word in words { #expect(outcome.errors.contains(word), "\(outcome)") }
            }
            try fails(["--kernel-size", "8"], "--kernel-size", "odd")
            try fails([], "a.png", "70 x 50", "--kernel-size", "--edges")
            try fails(["--extent", "70"], "--extent", "--kernel-size")
            try fails(["--masks", "none"], "none", "no folder of masks")
            try fails(["--masks", "masks", "--kernel-size", "9"], "masks", "no masks for 'a'")
            try fails(["--length", "9-3"], "9-3")
            try fails(["--masks", "masks", "--regions", "2"], "do not go together")
            try fails(["--regions", "1.5"], "whole numbers")
            try SharedFiles.writePhoto(folder + "/masks/a.png", width: 71)
            try fails(["--masks", "masks", "--kernel-size", "9"], "masks/a.png", "71 x 50", "70 x 50")
        }
    }

    @Test func inspectTells() throws {
        try withScratchFolder { folder in
            let path = repositoryFile("Models/cat-sharp.png")
            let made = try Command.run(["blur", path, "-o", "pairs", "--extent", "14", "--length", "40", "--quiet"], in: folder)
            #expect(made.status == 0, "\(made)")
            func extent(_ file: String) throws -> Double {
                let report = try JSONSerialization.jsonObject(with: Data(Command.run(["inspect", file, "--json"], in: folder).output.utf8)) as? [String: Any]
                return try #require((report?["blur"] as? [String: Any])?["extent"] as? Double)
            }
            #expect(try extent("pairs/blur/cat-sharp.png") > 5)
            #expect(try extent("pairs/sharp/cat-sharp.png") < 4)
            #expect(try Command.run(["inspect", "pairs/blur/cat-sharp.png"], in: folder).output.contains("\n  blur: about "))
        }
    }
}
