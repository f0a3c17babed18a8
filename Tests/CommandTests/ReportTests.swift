import Foundation
import GraphTestSupport
import Testing

/// The commands that report something, and the standard output of all.
@Suite struct ReportTests {
    private func run(_ arguments: [String], in folder: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> Command.Outcome {
        let outcome = try Command.run(arguments, in: folder)
        #expect(outcome.status == 0, "\(outcome)", sourceLocation: sourceLocation)
        return outcome
    }

    private func json(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test(arguments: ["text", "json", "dot", "html"]) func dump(_ format: String) throws {
        let begin = ["text": "graph eac", "json": "{", "dot": "digraph", "html": "<!doctype html>"][format]!
        // A page also tells how long the passes took.
        let isTheSame = format != "html"
        try withScratchFolder { folder in
            let place = ["dump", try SharedFiles.model, "--graph", "eac", "--size", "64x64", "--format", format]
            for stage in [["--stage", "imported"], ["--stage", "optimized"], ["--stage", "scheduled"], ["--after", "fuse_bias"]] {
                let printed = try run(place + stage, in: folder).output
                let first = format == "text" && stage.contains("scheduled") ? "step  node" : begin
                #expect(printed.lowercased().hasPrefix(first), "\(printed.prefix(80))")
                #expect(try run(place + stage + ["-o", "file"], in: folder).output.isEmpty)
                let written = try text(folder + "/file")
                #expect(isTheSame ? written == printed : written.hasPrefix(printed.prefix(80)))
            }
        }
    }

    @Test func diff() throws {
        try withScratchFolder { folder in
            let place = ["diff", "--model", try SharedFiles.model, "--graph", "eac", "--size", "64x64"]
            #expect(try run(place, in: folder).output.contains("imported"))
            #expect(try json(run(place + ["--json"], in: folder).output)["schema"] as? String == "deblurdiff.diff/1")
            #expect(try run(place + ["--json", "-o", "file"], in: folder).output.isEmpty)
            #expect(try json(text(folder + "/file"))["schema"] as? String == "deblurdiff.diff/1")
        }
    }

    @Test func passes() throws {
        let list = try run(["passes"], in: "/").output
        #expect(list.contains(" fuse_attention ") && list.split(separator: "\n").count > 20)
        #expect(try run(["passes", "fuse_attention"], in: "/").output.hasPrefix("fuse_attention, pass "))
    }

    @Test func profile() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png", width: 64, height: 64)
            let place = ["profile", try SharedFiles.model, "photo.png", "--steps", "1"]
            let printed = try run(place + ["--trace", "trace.json", "--html", "page.html"], in: folder).output
            #expect(printed.contains("conv2d") && printed.contains("attention"), "\(printed)")
            #expect(try json(text(folder + "/trace.json"))["traceEvents"] != nil)
            #expect(try text(folder + "/page.html").contains("</html>"))
            #expect(try run(place + ["--json", "--output", "file"], in: folder).output.isEmpty)
            #expect(try json(text(folder + "/file"))["schema"] as? String == "deblurdiff.profile/1")
        }
    }

    @Test func bench() throws {
        try withScratchFolder { folder in
            let place = ["bench", "--model", try SharedFiles.model, "--size", "64x64", "--runs", "1", "--program", "vae_decoder"]
            let report = try run(place + ["--json"], in: folder).output
            let results = try #require(json(report)["results"] as? [[String: Any]])
            #expect(results.count == 1 && results[0]["program"] as? String == "vae_decoder")
            // The table goes on showing what is measured.
            for form in [[], ["--json"]] {
                let table = try run(place + ["--kinds", "-o", "file"] + form, in: folder).output
                #expect(table.contains("vae_decoder") && table.contains("conv2d"), "\(table)")
                let written = try text(folder + "/file")
                #expect(form.isEmpty ? written == table : (try json(written)["size"]) as? String == "64x64")
            }
        }
    }

    @Test func inspect() throws {
        try withScratchFolder { folder in
            let model = try SharedFiles.model
            let plain = try json(run(["inspect", model, "--json"], in: folder).output)
            #expect(plain["schema"] as? String == "deblurdiff.model/1" && plain["programs"] == nil)
            let networks = try #require(plain["networks"] as? [[String: Any]])
            #expect(networks.compactMap { $0["name"] as? String }.contains("unet"))
            #expect(networks.allSatisfy { ($0["nodes"] as? Int ?? 0) > 0 && ($0["inputs"] as? [[String: String]])?.isEmpty == false })
            let restoration = try #require(plain["restoration"] as? [String: Any])
            #expect(restoration["steps"] as? Int == 50 && restoration["configuration"] is [String: Any])
            let source = ((plain["provenance"] as? [String: Any])?["sources"] as? [[String: Any]])?.first
            #expect(source?["name"] as? String == "tiny.safetensors")

            #expect(try run(["inspect", model, "--size", "64x64"], in: folder).output.contains("Planned in "))
            #expect(try run(["inspect", model, "--size", "64x64", "--json", "-o", "file"], in: folder).output.isEmpty)
            let programs = try #require(json(text(folder + "/file"))["programs"] as? [String: Any])
            #expect((programs["graphs"] as? [[String: Any]])?.compactMap { $0["name"] as? String } == ["vae_encoder", "step", "vae_decoder"])
        }
    }

    @Test func plan() throws {
        try withScratchFolder { folder in
            for (name, width) in [("a.png", 64), ("b.png", 64), ("c.png", 100)] { try SharedFiles.writePhoto("\(folder)/\(name)", width: width, height: 64) }
            try SharedFiles.write("text".utf8, folder + "/d.png")
            let place = ["plan", try SharedFiles.model, ".", "--steps", "3"]
            let plan = try json(run(place + ["--json"], in: folder).output)
            #expect(plan["schema"] as? String == "deblurdiff.plan/1" && plan["photographs"] as? Int == 3)
            #expect((plan["sizes"] as? [[String: Any]])?.compactMap { $0["width"] as? Int } == [64, 100])
            #expect((plan["failures"] as? [String: String])?.keys.first == "./d.png")
            #expect(try run(place, in: folder).output.contains("3 photographs: about "))
        }
    }

    /// The model is an argument or an option of every command that takes one, and beside images it is told apart from them.
    @Test func theModelIsAnArgumentOrAnOption() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png", width: 64, height: 64)
            try FileManager.default.createSymbolicLink(atPath: folder + "/m", withDestinationPath: SharedFiles.model)
            let eac = ["--graph", "eac", "--size", "64x64"]
            for (command, images, more) in [
                ("run", ["photo.png"], ["--steps", "1", "-o", "o.png"]), ("inspect", [], []), ("verify", [], []), ("dump", [], eac), ("diff", [], eac),
                ("profile", ["photo.png"], ["--steps", "1"]), ("bench", [], ["--program", "step", "--size", "64x64", "--runs", "1"]),
                ("compare", ["photo.png"], ["--steps", "0"]), ("execute", [], eac + ["--random-seed", "1", "-o", "eac=o.npy"]),
                ("export", [], eac + ["-o", "o.onnx"]),
            ] as [(String, [String], [String])] {
                for model in [["m"] + images, ["--model", "m"] + images, images + ["--model=m"]] { _ = try run([command] + model + more, in: folder) }
            }
            #expect(Set(try Command.contents(folder).keys) == ["m", "photo.png", "o.png", "o.npy", "o.onnx"])
        }
    }

    @Test func outputsAreLookedAtBeforeTheWork() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png", width: 64, height: 64)
            try FileManager.default.copyItem(atPath: SharedFiles.model, toPath: folder + "/m")
            for command in [["inspect"], ["dump"], ["diff"], ["bench"], ["profile", "photo.png"]] {
                try Command.expectFailure(command + ["--model", "m", "-o", "m"], in: folder, says: ["would be replaced"])
                try Command.expectFailure(command + ["--model", "m", "-o", "none/x"], in: folder, says: ["does not exist"])
            }
            for option in ["--trace", "--html"] {
                try Command.expectFailure(["profile", "m", "photo.png", option, "photo.png"], in: folder, says: ["would be replaced"])
            }
        }
    }

    private static let printing = [
        ["--help"], ["--version"], ["run", "--help"], ["help", "run"], ["passes"], ["passes", "fuse_bias"], ["inspect", "MODEL"],
        ["dump", "MODEL", "--graph", "eac", "--size", "64x64"], ["diff", "MODEL", "--graph", "eac", "--size", "64x64", "--json"],
        ["execute", "MODEL", "--graph", "eac", "--size", "64x64", "--random-seed", "1"],
    ]

    @Test(arguments: printing) func aFullDiskIsAnError(_ arguments: [String]) throws {
        let model = try SharedFiles.model
        let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
        let outcome = try Command.run(arguments.map { $0 == "MODEL" ? model : $0 }, standardOutput: full)
        #expect(outcome.status == 1, "\(outcome)")
        #expect(outcome.errors == "Error: standard output: cannot write there: No space left on device\n", "\(outcome)")
    }

    /// As with other programs: nothing is said.
    @Test(arguments: printing) func aClosedPipeEndsTheCommandQuietly(_ arguments: [String]) throws {
        let model = try SharedFiles.model
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        let outcome = try Command.run(arguments.map { $0 == "MODEL" ? model : $0 }, standardOutput: pipe.fileHandleForWriting)
        #expect(outcome.status == -Int(SIGPIPE) && outcome.errors.isEmpty, "\(outcome)")
    }

    /// A file that is opened must not take the number of a stream that the command was started without, and then be printed into.
    @Test func aClosedStreamIsNoFile() throws {
        try withScratchFolder { folder in
            let model = try SharedFiles.model
            let command = "'\(Command.path)' execute '\(model)' --graph eac --size 64x64 --random-seed 1"
            let closed = try Command.run(["-c", command + " -o eac=o.npy >&-"], of: "/bin/sh", in: folder)
            #expect(closed.status == 1 && closed.errors.contains("standard output: cannot write there: Bad file descriptor"), "\(closed)")
            let open = try Command.run(["-c", command + " -o eac=p.npy"], of: "/bin/sh", in: folder)
            #expect(open.status == 0, "\(open)")
            #expect(try SharedFiles.read(folder + "/o.npy") == SharedFiles.read(folder + "/p.npy"))
        }
    }
}
