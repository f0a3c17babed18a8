import Files
import Foundation
import GraphTestSupport
import Images
import Testing

@Suite struct EvaluateTests {
    private struct Report: Decodable {
        struct Average: Decodable { var mean, low, high: Double; var count, infinite: Int }
        struct Group: Decodable {
            var name: String
            var photographs: Int
            var folders: [[String: Average]]
            var differences: [String: Average]?
            var better: [String: Int]?
        }
        struct Photograph: Decodable {
            var name: String
            var reference: String?
            var values: [String: Double]
            var undefined: [String: String]
            var error: String?
        }
        struct Folder: Decodable { var photographs: [Photograph] }
        var groups: [Group]
        var folders: [Folder]

        init(_ outcome: Command.Outcome) throws {
            let decoder = JSONDecoder()
            decoder.nonConformingFloatDecodingStrategy = .convertFromString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
            do { self = try decoder.decode(Report.self, from: Data(outcome.output.utf8)) } catch { throw InputError("\(error) in \(outcome)") }
        }
    }

    /// Levels of `pattern`, each made less sure by `error`.
    private func write(
        _ path: String, width: Int = 64, height: Int = 48, error: Int = 0, _ pattern: (Int, Int, Int) -> Int = { ($0 * 3 + $1 * 5) % 200 + 9 * $2 }
    ) throws {
        var pixels: [UInt8] = []
        for y in 0..<height { for x in 0..<width { for c in 0..<3 { pixels.append(UInt8(pattern(x, y, c) + ((x + y) % 2 == 0 ? error : 0))) } } }
        try FilePath.makeFolder(FilePath.folder(of: path))
        try Photo(width: width, height: height, pixels: pixels).writePNG(path)
    }

    private func evaluate(_ arguments: [String], in folder: String) throws -> Command.Outcome { try Command.run(["evaluate"] + arguments, in: folder) }

    @Test func measuresAndCompares() throws {
        try withScratchFolder { folder in
            for index in 0..<4 {
                try write("\(folder)/sharp/\(index).png")
                try write("\(folder)/good/\(index).png", error: index)
                try write("\(folder)/bad/\(index).png", error: 10 + index)
            }
            let arguments = ["good", "--reference", "sharp", "--metric", "psnr,ssim", "--metric", "sharpness", "--against", "bad"]
            let outcome = try evaluate(arguments + ["--format", "json", "--contact-sheet", "sheet.png"], in: folder)
            #expect(outcome.status == 0, "\(outcome)")
            let report = try Report(outcome)
            let group = report.groups[0]
            #expect(group.photographs == 4 && group.name == "good")
            // Equal images are infinite, which no mean has in it: errors 1, 2 and 3 of half of the samples.
            var expected = 0.0
            for error in [1.0, 2.0, 3.0] { expected += 10 * log10(65025.0 / (error * error / 2)) / 3 }
            #expect(abs(group.folders[0]["psnr"]!.mean - expected) < 1e-6 && group.folders[0]["psnr"]!.infinite == 1)
            #expect(report.folders[0].photographs[0].values["psnr"] == .infinity && report.folders[0].photographs[0].values["ssim"] == 1)
            #expect(group.better == ["psnr": 3, "ssim": 4, "sharpness": 0])
            #expect(group.differences!["ssim"]!.mean > 0 && group.differences!["ssim"]!.low > 0 && group.differences!["ssim"]!.count == 4)
            let sheet = try Photo(reading: folder + "/sheet.png")
            #expect(sheet.width == 3 * (64 + 8) + 8 && sheet.height == 4 * (48 + 8) + 8)
            #expect(outcome.errors.contains("3.png, 2.png, 1.png, 0.png"), "\(outcome)")

            for (format, words) in [
                ("text", ["PSNR ↑", "and 1 x inf", "better in 4 of 4"]),
                ("markdown", ["| Data set | Metric | good | bad |", "| good | PSNR ↑ | **", "|  | SSIM ↑ | **"]),
                ("latex", ["\\begin{tabular}{llrr}", "PSNR $\\uparrow$ & \\textbf{", "\\end{tabular}"]),
                ("csv", ["folder,photograph,reference,psnr,ssim,sharpness,error", "good,0.png,sharp/0.png,inf,1.0,"]),
            ] {
                let table = try evaluate(arguments + ["--format", format, "--threads", "1"], in: folder)
                for word in words { #expect(table.output.contains(word), "'\(word)' is not in \(table)") }
            }
            // Whatever the threads.
            #expect(try evaluate(arguments + ["--format", "json", "--threads", "3"], in: folder).output == outcome.output)
        }
    }

    @Test func failuresDoNotStopTheOthers() throws {
        try withScratchFolder { folder in
            for name in ["a", "b", "c", "deep/d"] { try write("\(folder)/sharp/\(name).png") }
            for name in ["a", "deep/d", "lonely"] { try write("\(folder)/out/\(name).png", error: 3) }
            try write(folder + "/out/b.png", width: 32)
            try SharedFiles.write([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3], folder + "/out/c.png")
            let outcome = try evaluate(["out", "--reference", "sharp", "--format", "json", "--metric", "psnr,niqe,sharpness"], in: folder)
            #expect(outcome.status == 1 && outcome.errors.contains("2 photographs could not be measured"), "\(outcome)")
            #expect(outcome.errors.contains("is 32 x 48 pixels large, but its reference 64 x 48") && outcome.errors.contains("out/c.png"), "\(outcome)")
            #expect(outcome.errors.contains("1 photograph without a reference: lonely.png"), "\(outcome)")
            let photographs = Dictionary(uniqueKeysWithValues: try Report(outcome).folders[0].photographs.map { ($0.name, $0) })
            #expect(photographs["a.png"]!.values.keys.sorted() == ["psnr", "sharpness"])
            #expect(photographs["a.png"]!.undefined["niqe"]!.contains("two blocks of 96 x 96"))
            #expect(photographs["lonely.png"]!.values.keys.sorted() == ["sharpness"])
            #expect(photographs["c.png"]!.error != nil && photographs["b.png"]!.error != nil)
            let parts = try Report(evaluate(["out", "--reference", "sharp", "--format", "json", "--metric", "psnr", "--by-folder"], in: folder)).groups
            #expect(parts.map(\.name) == ["", "deep"] && parts.map(\.photographs) == [4, 1])
        }
    }

    @Test func goesOnWhereItWas() throws {
        try withScratchFolder { folder in
            for index in 0..<3 {
                try write("\(folder)/sharp/\(index).png")
                try write("\(folder)/out/\(index).png", error: 1 + index)
            }
            let arguments = ["out", "--reference", "sharp", "--format", "json", "--measurements", "m.jsonl"]
            let first = try evaluate(arguments + ["--metric", "psnr"], in: folder)
            func lines() throws -> [String] { try String(contentsOfFile: folder + "/m.jsonl", encoding: .utf8).split(separator: "\n").map(String.init) }
            #expect(try lines().count == 3)
            // Nothing is read but to be recognised: a value that was kept is believed.
            let changed = try lines().joined(separator: "\n").replacing(#/"psnr":[0-9.]+/#, with: "\"psnr\":12.5")
            try SharedFiles.write(Array((changed + "\n").utf8).dropLast(40), folder + "/m.jsonl")
            let second = try Report(evaluate(arguments + ["--metric", "psnr"], in: folder))
            // The line that was cut short was measured again.
            let values: [Double?] = second.folders[0].photographs.map { $0.values["psnr"] }
            #expect(values.count { $0 == 12.5 } == 2)
            #expect(try lines().count == 4)
            _ = try evaluate(arguments + ["--metric", "psnr,ssim"], in: folder)
            #expect(try lines().count == 7, "what is missing is added")
            // Another image of the same name is another one.
            try write(folder + "/out/0.png", error: 5)
            _ = try evaluate(arguments + ["--metric", "psnr,ssim"], in: folder)
            #expect(try lines().count == 8)
            #expect(first.status == 0)
            try SharedFiles.write(Array("no measurements".utf8), folder + "/other")
            try Command.expectFailure(["evaluate", "out", "--measurements", "other"], in: folder, says: ["holds no measurements"])
        }
    }

    /// As torch computes it from the same network (Tools/metrics/make_fixtures.py prints these).
    @Test func networksAreMetrics() throws {
        try withScratchFolder { folder in
            let model = repositoryFile("Tests/CommandTests/Fixtures/lpips.onnx")
            for (height, width) in [(96, 80), (67, 121)] {
                try write("\(folder)/sharp/\(height).png", width: width, height: height) { x, y, c in (x * (3 + c) + y * (5 - c)) % 256 }
                try write("\(folder)/out/\(height).png", width: width, height: height) { x, y, c in (x * (3 + c) + y * (5 - c) + x * y) % 256 }
            }
            let outcome = try evaluate(
                ["out", "--reference", "sharp", "--metric", "lpips=\(model)", "--format", "json", "--measurements", "m.jsonl"], in: folder)
            let values = try Report(outcome).folders[0].photographs.map { $0.values["lpips"]! }
            for (value, expected) in zip(values, [0.9791757464408875, 1.0011792182922363]) { #expect(abs(value - expected) < 1e-5, "\(outcome)") }
            #expect(try evaluate(["out", "--reference", "sharp", "--metric", "lpips=\(model)"], in: folder).output.contains("LPIPS ↓"))

            try Command.expectFailure(["evaluate", "out", "--metric", "lpips=\(model)"], in: folder, says: ["LPIPS needs references"])
            try Command.expectFailure(
                ["evaluate", "out", "--metric", "x=\(repositoryFile("Tests/ONNXTests/Fixtures/eac.tracing14.onnx"))"], in: folder, says: ["is no metric"])
            try Command.expectFailure(["evaluate", "out", "--metric", "x=out/96.png"], in: folder, says: ["out/96.png"])
        }
    }

    /// A data set as it is published: restored first, then measured against its sharp photographs.
    @Test func restoresFirst() throws {
        try withScratchFolder { folder in
            for scene in ["s1", "s2"] {
                for kind in ["blur", "blur_gamma", "sharp"] { try write("\(folder)/set/\(scene)/\(kind)/1.png", error: kind == "sharp" ? 0 : 9) }
            }
            let arguments = [
                "set", "--run", try SharedFiles.model, "--into", "restored", "--steps", "1", "--metric", "psnr", "--format", "json", "--against", "set",
            ]
            let outcome = try evaluate(arguments, in: folder)
            #expect(outcome.status == 0, "\(outcome)")
            let report = try Report(outcome)
            #expect(report.folders.map { $0.photographs.map(\.name) } == [["s1/blur/1.png", "s2/blur/1.png"], ["s1/blur/1.png", "s2/blur/1.png"]])
            #expect(report.folders[0].photographs.map(\.reference) == ["set/s1/sharp/1.png", "set/s2/sharp/1.png"])
            #expect(try Command.contents(folder + "/restored").keys.filter { $0.hasSuffix(".png") }.count == 2)
            #expect(report.groups[0].differences!["psnr"]!.count == 2)
            let again = try evaluate(arguments, in: folder)
            #expect(again.output == outcome.output && again.errors.contains("2 of 2 results were there already"), "\(again)")
            // The same as two commands.
            let apart = try Report(evaluate(["restored", "--reference", "set", "--metric", "psnr", "--format", "json"], in: folder))
            #expect(apart.folders[0].photographs.map(\.values) == report.folders[0].photographs.map(\.values))
        }
    }

    @Test func mistakes() throws {
        try withScratchFolder { folder in
            try write(folder + "/a.png")
            try write(folder + "/b/other.png")
            for (arguments, words) in [
                (["a.png", "--metric", "psnr"], "PSNR needs references"), (["a.png", "--reference", "b"], "no photograph there has the name"),
                (["none"], "none"), (["a.png", "--output", "a.png"], "a.png"),
            ] { try Command.expectFailure(["evaluate"] + arguments, in: folder, says: [words]) }
            for (arguments, words) in [
                (["a.png", "--metric", "vmaf"], "There is no metric 'vmaf'"), (["a.png", "--run", "m"], "--run and --into go together"),
                (["a.png", "--metric", "psnr=x.onnx"], "give a name of its own"), (["a.png", "--reference="], "A path is empty"),
            ] {
                let outcome = try evaluate(arguments, in: folder)
                #expect(outcome.status == 64 && outcome.errors.contains(words), "\(outcome)")
            }
            // Two files may have any names.
            #expect(try evaluate(["a.png", "--reference", "b/other.png", "--metric", "psnr"], in: folder).output.contains("inf (all images are equal)"))
        }
    }
}
