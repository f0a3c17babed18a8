import Foundation
import GraphTestSupport
import Images
import Testing

/// What `run` shows on its way: bars on a terminal, JSON for programs, and previews.
@Suite struct ProgressTests {
    private func photos(_ folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder + "/in", withIntermediateDirectories: false)
        for name in ["a", "b"] { try SharedFiles.writePhoto("\(folder)/in/\(name).png") }
    }

    @Test func linesOfJSON() throws {
        try withScratchFolder { folder in
            try photos(folder)
            try SharedFiles.write("text".utf8, folder + "/in/c.png")
            let outcome = try Command.run(
                ["run", "in", "--model", SharedFiles.model, "--steps", "3", "-o", "out", "--progress", "json", "--preview", "2"], in: folder)
            #expect(outcome.status == 1 && outcome.output.isEmpty)
            // The last words of a command that fails are for people.
            let lines = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("{") }
            let events = try lines.map { try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
            let kinds = events.compactMap { $0["event"] as? String }
            #expect(kinds.first == "plan" && kinds.count { $0 == "ended" } == 3 && kinds.count { $0 == "preview" } == 2 && kinds.contains("error"))
            let progress = events.filter { $0["event"] as? String == "progress" }
            let steps = progress.filter { $0["input"] as? String == "b.png" && $0["phase"] as? String == "sampling" }.compactMap { $0["step"] as? Int }
            #expect(Set(steps) == [0, 1, 2, 3])
            #expect(progress.contains { $0["photographs"] as? Int == 3 && $0["secondsPerStep"] is Double && $0["memoryBytes"] is Int })
            let reports = events.compactMap { $0["report"] as? [String: Any] }
            #expect(reports.map { $0["state"] as? String } == ["done", "done", "failed"])
            #expect(!outcome.errors.contains("\u{1B}") && !outcome.errors.contains("\r"))
        }
    }

    /// Beside the result until that is there, or where it is wanted; and the result is the same without.
    @Test func previews() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            let run = ["run", "photo.png", "--model", try SharedFiles.model, "--steps", "3", "-o"]
            for (output, more) in [
                ("a.png", []), ("b.png", ["--preview", "1"]), ("c.png", ["--preview", "2", "--preview-file", "p.jpg"]),
                ("d.png", ["--preview", "2", "--preview-file", "f.png", "--fast-preview"]),
            ] as [(String, [String])] {
                let outcome = try Command.run(run + [output] + more, in: folder)
                #expect(outcome.status == 0, "\(outcome)")
                #expect(try Photo(reading: "\(folder)/\(output)").pixels == Photo(reading: folder + "/a.png").pixels)
            }
            #expect(try Set(Command.contents(folder).keys) == ["photo.png", "a.png", "b.png", "c.png", "d.png", "p.jpg", "f.png"])
            let (whole, fast) = (try Photo(reading: folder + "/p.jpg"), try Photo(reading: folder + "/f.png"))
            #expect((whole.width, whole.height) == (70, 50) && (fast.width, fast.height) == (9, 7))
            #expect(try Command.run(run + ["e.png", "--fast-preview"], in: folder).status == 64)
        }
    }

    /// A terminal of its own, by util-linux' `script`.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script"))) func barsOnATerminal() throws {
        try withScratchFolder { folder in
            try photos(folder)
            func shown(_ environment: String) throws -> String {
                let line = "stty cols 60; \(environment) '\(Command.path)' run in --model '\(try SharedFiles.model)' --steps 2 -o out --overwrite"
                let outcome = try Command.run(["-qec", line, "typescript"], of: "/usr/bin/script", in: folder)
                #expect(outcome.status == 0, "\(outcome)")
                return try String(contentsOfFile: folder + "/typescript", encoding: .utf8)
            }
            let plain = try shown("NO_COLOR=1 TERM=xterm LC_ALL=C")
            // A bar for the photograph and one for the folder, and the cursor back; no colours.
            #expect(plain.contains(" of 2 ") && plain.contains("#") && plain.contains("\u{1B}[A") && !plain.contains("[32m"))
            let rows = plain.replacing("\u{1B}[K", with: "").replacing("\u{1B}[A", with: "").split(whereSeparator: \.isNewline).flatMap {
                $0.split(separator: "\r")
            }
            let bars = rows.filter { $0.contains("###") || $0.contains("---") }
            #expect(!bars.isEmpty && bars.allSatisfy { $0.count < 60 }, "\(bars)")
            #expect(try shown("env -u NO_COLOR TERM=xterm").contains("[32m"))
            #expect(try !shown("TERM=dumb").contains("\u{1B}"))
        }
    }
}
