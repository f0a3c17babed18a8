import Foundation
import GraphTestSupport
import Testing

/// Help, configuration, completions.
@Suite struct HabitTests {
    private func shell(_ line: String, in folder: String) throws -> Command.Outcome {
        try Command.run(["-c", "d='\(Command.path)'; m='\(try SharedFiles.model)'; \(line)"], of: "/bin/sh", in: folder)
    }

    @Test func topics() throws {
        let list = try Command.run(["help", "topics"])
        #expect(list.status == 0)
        let names = list.output.split(separator: "\n").filter { $0.hasPrefix("  ") }.map { String($0.split(separator: " ")[0]) }
        #expect(names.contains("jobs") && names.contains("exit-status") && names.count >= 5)
        for name in names {
            let topic = try Command.run(["help", name])
            #expect(topic.status == 0 && topic.output.count > 200)
        }
        #expect(try Command.run(["help", "run"]).output.contains("--steps"))
        let none = try Command.run(["help", "nonsense"])
        #expect(none.status == 64 && none.errors.contains("help topics"))
    }

    @Test func theManualPageHasAllCommandsAndOptions() throws {
        let page = try Command.run(["help", "man"])
        #expect(page.status == 0 && page.output.hasPrefix(".TH DEBLURDIFF 1"))
        for words in ["deblurdiff run", "deblurdiff plan", "deblurdiff export", "\\-\\-jpeg\\-quality", "EXIT\\-STATUS", "config.yaml"] {
            #expect(page.output.contains(words) || page.output.contains(words.replacing("\\-STATUS", with: "-STATUS")), "\(words)")
        }
        for shell in ["bash", "zsh", "fish"] {
            let script = try Command.run(["--generate-completion-script", shell])
            #expect(script.status == 0 && script.output.contains("jpeg-quality"), "\(shell)")
        }
    }

    @Test func theConfigurationHasDefaults() throws {
        try withScratchFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/conf/deblurdiff", withIntermediateDirectories: true)
            func write(_ text: String) throws { try SharedFiles.write(text.utf8, folder + "/conf/deblurdiff/config.yaml") }
            try SharedFiles.writePhoto(folder + "/photo.png")
            func made(_ arguments: String, _ environment: String = "") throws -> String {
                let outcome = try shell("XDG_CONFIG_HOME=$PWD/conf \(environment) $d run photo.png -o o.png --overwrite --quiet \(arguments)", in: folder)
                guard outcome.status == 0 else { return outcome.errors }
                return try Command.run(["inspect", "o.png"], in: folder).output
            }
            try write("model: \(try SharedFiles.model)\nrun:\n  steps: 2\n  seed: 9\n  better-start: true\n  tiled: false\n")
            let both = try made("")
            #expect(both.contains("--seed 9 --steps 2 --better-start") && !both.contains("--tiled"), "\(both)")
            // The command line has the last word.
            #expect(try made("--seed 4 --steps 1").contains("--seed 4 --steps 1"))
            try write("run: {steps: 2}")
            #expect(try made("", "DEBLURDIFF_MODEL=\"$m\"").contains("--steps 2"))
            #expect(try made("", "DEBLURDIFF_MODEL=none").contains("none: cannot open"))
            for (text, words) in [
                ("run: {bogus: 1}", "config.yaml: 'run': "), ("bogus: 1", "'bogus' is neither"), ("run: 3", "'run' must hold"),
                ("run: {steps: [1]}", "run.steps"),
                ("{", "is no YAML"), ("model: 3", "'model' must be a path"),
            ] {
                try write(text)
                let outcome = try made("--model $m")
                #expect(outcome.contains(words) && outcome.contains("config.yaml"), "\(outcome)")
            }
            // What needs none works all the same.
            #expect(try shell("XDG_CONFIG_HOME=$PWD/conf $d --version", in: folder).status == 0)
        }
    }

    @Test func verifyReportsAsJSON() throws {
        try withScratchFolder { folder in
            let sound = try Command.run(["verify", SharedFiles.model, "--json"], in: folder)
            let report = try #require(try JSONSerialization.jsonObject(with: Data(sound.output.utf8)) as? [String: Any])
            #expect(sound.status == 0 && (report["problems"] as? [String]) == [] && (report["tensors"] as? Int ?? 0) > 0)
            var bytes = try SharedFiles.read(SharedFiles.model)
            bytes[bytes.count - 3] ^= 1
            try SharedFiles.write(bytes, folder + "/damaged")
            let damaged = try Command.run(["verify", "damaged", "--json"], in: folder)
            #expect(damaged.status == 1 && damaged.output.contains("checksum"))
        }
    }
}
