import Foundation
import GraphTestSupport
import Images
import Testing

/// Standard input and output for a single image, and `run --jobs`.
@Suite struct StreamTests {
    private func shell(_ line: String, in folder: String) throws -> Command.Outcome {
        try Command.run(["-c", "d='\(Command.path)'; m='\(try SharedFiles.model)'; \(line)"], of: "/bin/sh", in: folder)
    }

    @Test func oneImageThroughPipes() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            #expect(try shell("$d run photo.png --model $m --steps 1 -o named.png --strip-metadata", in: folder).status == 0)
            for way in [
                "cat photo.png | $d run - --model $m --steps 1 -o - --strip-metadata | cat > piped.png",
                "$d run --model $m - --steps 1 -o piped.png --strip-metadata < photo.png",
            ] {
                let outcome = try shell(way, in: folder)
                #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome)")
                let isSame = try SharedFiles.read(folder + "/piped.png") == SharedFiles.read(folder + "/named.png")
                #expect(isSame)
            }
            #expect(try Set(Command.contents(folder).keys) == ["photo.png", "named.png", "piped.png"])
            for (way, words) in [
                ("echo text | $d run - --model $m -o x.png", "standard input: is no picture"),
                ("$d run - --model $m -o x.png </dev/null", "standard input: is empty"),
                ("head -c 300 photo.png | $d run - --model $m -o x.jpg", "standard input: "), ("cat photo.png | $d run - --model $m -o .", "has no name"),
            ] {
                let outcome = try shell(way, in: folder)
                #expect(outcome.status == 1 && outcome.errors.contains(words) && !outcome.errors.contains("/proc/"), "\(outcome)")
            }
            #expect(try shell("$d run - photo.png --model $m -o x < photo.png", in: folder).status == 64)
        }
    }

    private func lines(_ text: String) throws -> [[String: Any]] {
        try text.split(separator: "\n").map { try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
    }

    @Test func linesAreAnsweredByLines() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            let long = "{\"id\": 8, \"input\": \"" + String(repeating: "x", count: 1 << 21) + "\"}"
            let asked = """
                {"id": 1, "input": "photo.png", "output": "a.png", "options": {"seed": 7}}
                nonsense
                {"id": "two", "input": "photo.png"}
                {"id": [3], "input": "photo.png", "output": 3}

                {"input": "none.png", "output": "b.png"}
                {"id": 5, "input": "photo.png", "output": "b.png", "options": {"model": "x"}}
                {"id": 6, "input": "photo.png", "output": "b.png", "options": {"steps": 0}}
                {"id": 7, "input": "photo.png", "output": "photo.png"}
                \(long)
                {"id": 9, "input": "photo.png", "output": "c.jpg", "options": {"jpeg-quality": 50, "tiled": false, "cfg-scale": 2, "neg-prompt": ""}}
                {"id": 10, "input": "photo.png", "output": "d.png", "options": {"seed": 7}}
                """
            try SharedFiles.write(asked.utf8, folder + "/lines")
            let outcome = try shell("$d run --jobs - --model $m --steps 1 < lines", in: folder)
            #expect(outcome.status == 0, "\(outcome)")
            let answers = try lines(outcome.output)
            #expect(answers.map { $0["line"] as? Int } == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12])
            #expect(answers.map { $0["state"] as? String == "done" } == [true, false, false, false, false, false, false, false, false, true, true])
            #expect(answers[0]["id"] as? Int == 1 && answers[2]["id"] as? String == "two" && answers[3]["id"] as? [Int] == [3] && answers[4]["id"] == nil)
            #expect(answers[0]["seed"] as? Int == 7 && answers[9]["seed"] as? Int == 231)
            for (index, words) in [
                (1, "no JSON object"), (2, "'output'"), (3, "'output'"), (4, "none.png"), (5, "--model"), (6, "--steps"), (7, "would be replaced"),
                (8, "longer"),
            ] {
                #expect((answers[index]["error"] as? String)?.contains(words) == true, "\(answers[index])")
            }
            let isSame = try SharedFiles.read(folder + "/a.png") == SharedFiles.read(folder + "/d.png")
            #expect(isSame)
            #expect(try Set(Command.contents(folder).keys) == ["photo.png", "lines", "a.png", "c.jpg", "d.png"])
            // From a file, to a reader who leaves.
            #expect(try shell("$d run --jobs lines --model $m --steps 1 --overwrite | head -1", in: folder).output.contains("\"id\":1"))
            #expect(try shell("$d run photo.png --jobs - --model $m", in: folder).status == 64)
        }
    }
}
