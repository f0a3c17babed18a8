import DeblurDiff
import Foundation
import GraphTestSupport
import Images
import Testing

/// Presets, and what steps leave out, on the command line.
@Suite struct StepTests {
    private func run(_ arguments: [String], in folder: String) throws -> Command.Outcome {
        try Command.run(["run", "--model", SharedFiles.model, "photo.png"] + arguments, in: folder)
    }

    private func pixels(_ arguments: [String], in folder: String) throws -> [UInt8] {
        let outcome = try run(arguments + ["-o", "out.png", "--overwrite", "--quiet"], in: folder)
        #expect(outcome.status == 0, "\(outcome)")
        return try Photo(reading: folder + "/out.png").pixels
    }

    @Test func presetsAreOptionsThatOthersGoBefore() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            let draft = try pixels(["--preset", "draft"], in: folder)
            let written = try pixels(
                [
                    "--steps", "4", "--sampler", "unipc", "--spacing", "trailing", "--better-start", "--precision", "int16", "--reuse",
                    "lkpn:2,control_net:2,encoder:2",
                ], in: folder)
            #expect(draft == written)
            // As the result says that it was made.
            let record = try #require(Photo(reading: folder + "/out.png").metadata.xmp.flatMap { RestorationRecord(in: $0) })
            let schedule = #"{"computed":{"control_net":[1,2,4],"encoder":[1,2,4],"lkpn":[1,2,4]},"forecast":[],"steps":4}"#
            #expect(record.options.contains("--step-schedule '\(schedule)'"), "\(record.options)")
            #expect(
                try pixels(
                    ["--sampler", "unipc", "--spacing", "trailing", "--better-start", "--precision", "int16", "--step-schedule", schedule], in: folder) == draft
            )
            // Others go before it.
            let one = try pixels(
                ["--preset", "draft", "--steps", "1", "--sampler", "spaced", "--spacing", "even", "--no-better-start", "--precision", "float32"], in: folder)
            #expect(one == (try pixels(["--steps", "1"], in: folder)))
            #expect(one == (try pixels(["--preset", "exact", "--steps", "1"], in: folder)))
            let whole = try pixels(["--preset", "draft", "--reuse", "lkpn:1,control_net:1,encoder:1"], in: folder)
            #expect(whole != draft)
            let plan = try Command.run(["plan", "--model", SharedFiles.model, "photo.png", "--preset", "draft", "--json"], in: folder)
            #expect(plan.status == 0 && plan.output.contains("\"gigaFLOP\""), "\(plan)")
        }
    }

    @Test func refusals() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png")
            try SharedFiles.write("{\"steps\": []}".utf8, folder + "/wrong.json")
            try SharedFiles.write("{\"steps\": 3, \"computed\": {\"encoder\": [2]}}".utf8, folder + "/late.json")
            for (arguments, words, status) in [
                (["--preset", "best"], "--preset", 64), (["--forecast", "0"], "--forecast must be 1 to 1000", 64), (["--reuse", "lkpn"], "--reuse", 64),
                (["--reuse", "lkpn:2,lkpn:3"], "--reuse", 64), (["--reuse", "kpn:2"], "--reuse", 64),
                (["--step-schedule", "late.json", "--forecast", "2"], "stands in place of", 64), (["--step-schedule", "none.json"], "none.json", 1),
                (["--step-schedule", "wrong.json"], "wrong.json: is no schedule of steps", 1),
                (["--step-schedule", "late.json"], "--step-schedule: must compute 'encoder' at the first step", 1),
                (["--step-schedule", "{\"steps\": 3}", "--steps", "4"], "--step-schedule: is for 3 steps, and the run has 4", 1),
                (["--steps", "4", "--reuse", "lkpn:2", "--record", "r.safetensors"], "--step-schedule: leaves out what is to be recorded", 1),
                (["--steps", "4", "--reuse", "lkpn:2", "--contact-sheet", "c.png"], "--step-schedule: leaves out what is to be recorded", 1),
                (["--steps", "4", "--reuse", "lkpn:2", "-O0"], "--step-schedule: cannot keep parts of a step", 1),
            ] as [([String], String, Int32)] {
                let outcome = try run(arguments + ["-o", "out.png"], in: folder)
                #expect(outcome.status == status && outcome.errors.contains(words), "\(arguments): \(outcome)")
            }
            #expect(!FileManager.default.fileExists(atPath: folder + "/out.png"))
        }
    }

    @Test func tuning() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png", width: 64, height: 64)
            func tune(_ arguments: [String]) throws -> Command.Outcome {
                try Command.run(["tune-steps", SharedFiles.model, "photo.png"] + arguments, in: folder)
            }
            // All is allowed.
            let outcome = try tune(["--steps", "6", "--budget", "0.9", "-o", "steps.json"])
            #expect(outcome.status == 0 && outcome.errors.contains("Wrote steps.json"), "\(outcome)")
            let schedule = try JSONDecoder().decode(StepSchedule.self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/steps.json")))
            #expect(schedule.steps == 6 && Set(schedule.computed.keys) == ["lkpn", "control_net", "encoder", "decoder"])
            #expect(throws: Never.self) { try schedule.validate(steps: 6) }
            // The file brings its steps.
            let file = try pixels(["--step-schedule", "steps.json"], in: folder)
            #expect(file != (try pixels(["--steps", "6"], in: folder)))
            // Next to nothing is.
            let nothing = try tune(["--steps", "4", "--budget", "200dB"])
            #expect(nothing.status == 1 && nothing.errors.contains("--budget 200dB: nothing can be left out"), "\(nothing)")
            try Command.expectFailure(
                ["tune-steps", SharedFiles.model, "photo.png", "--steps", "2", "--budget", "0.1"], in: folder, says: ["2 steps: leave nothing to be left out"])
            for wrong in ["0", "1.5", "-3dB", "loud"] { #expect(try tune(["--steps", "4", "--budget=\(wrong)"]).status == 64) }
        }
    }

    @Test func comparingAndProfiling() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png", width: 64, height: 64)
            let compared = try Command.run(
                ["compare", SharedFiles.model, "photo.png", "--reference", "draft", "--against", "-O1,draft"], in: folder)
            #expect(
                compared.status == 0 && compared.output.contains("-O1,int16,draft against -O1,int16,draft") && compared.output.contains("PSNR inf"),
                "\(compared)")
            let profile = try Command.run(["profile", SharedFiles.model, "photo.png", "--steps", "3", "--reuse", "encoder:3,control_net:3"], in: folder)
            #expect(profile.status == 0 && !profile.output.isEmpty, "\(profile)")
            let page = try Command.run(["profile", SharedFiles.model, "photo.png", "--reuse", "encoder:3", "--html", "p.html"], in: folder)
            #expect(page.status == 64 && page.errors.contains("--html shows a step that is not cut"), "\(page)")
        }
    }
}
