import DeblurDiff
import Files
import Foundation
import GraphRuntime
import GraphTestSupport
import Images
import Jobs
import Testing

@Suite(.serialized) struct WorkPlanTests {
    private func job(_ name: String, _ width: Int, _ height: Int, bits: Int = 8, in folder: String) throws -> PhotoJob {
        let pixels = (0..<width * height * 3).map { UInt8(truncatingIfNeeded: $0 * $0 / 7) }
        let samples: Samples = bits == 8 ? .eight(pixels) : .sixteen(pixels.map { UInt16($0) * 257 })
        try Photo(width: width, height: height, samples: samples).writePNG("\(folder)/\(name)")
        return PhotoJob(input: "\(folder)/\(name)", output: "\(folder)/out/\(name)", format: PNGCodec())
    }

    private func settings(steps: Int = 2) -> RestorationSettings {
        var options = RestorationOptions()
        options.steps = steps
        return RestorationSettings(restoration: options, program: "tests")
    }

    @Test func photographsOfASizeAreOneLine() throws {
        try withScratchFolder { folder in
            let model = try briefModel()
            var jobs = try [job("a.png", 40, 24, in: folder), job("b.png", 90, 70, in: folder), job("c.png", 40, 24, in: folder)]
            try write([1, 2, 3], to: folder + "/d.png")
            jobs.append(PhotoJob(input: folder + "/d.png", output: "", format: PNGCodec()))
            let speeds = ModelSpeeds(model, path: folder + "/cache/speeds.json")
            let plan = try WorkPlan(jobs, model: model, settings: settings(), speeds: speeds)
            #expect(plan.photographs == 3 && plan.failures.count == 1 && plan.fits && plan.isMeasured)
            #expect(plan.sizes.map(\.photographs.count) == [2, 1] && plan.sizes.map(\.width) == [40, 90])
            #expect(plan.seconds > 2 * plan.sizes[0].seconds * 0.3 && plan.sizes.allSatisfy { $0.seconds > 0 })
            // What was measured is known from now on, to others too.
            let again = ModelSpeeds(model, path: folder + "/cache/speeds.json")
            #expect(try again.isKnown(model.cost(of: settings().restoration, height: 24, width: 40)))
            #expect(try !ModelSpeeds(model, path: nil).isKnown(model.cost(of: settings().restoration, height: 24, width: 40)))
            // Short work is not worth measuring, and what is broken counts as not measured.
            try write(Array("{\"schema\": 3".utf8), to: folder + "/cache/speeds.json")
            let broken = ModelSpeeds(model, path: folder + "/cache/speeds.json")
            #expect(try !WorkPlan(jobs, model: model, settings: settings(), measuring: .above(seconds: 1000), speeds: broken).isMeasured)
        }
    }

    /// Another program may have had a part of the processors when it was measured.
    @Test func timesFollowWhatTheProcessorsCanDo() throws {
        try withScratchFolder { folder in
            let model = try briefModel()
            let cost = try model.cost(of: settings().restoration, height: 24, width: 40)
            let path = folder + "/speeds.json"
            _ = try ModelSpeeds(model, path: path).time(of: cost)
            func changed(_ change: (Double) -> Double) throws -> Double {
                let text = try String(contentsOfFile: path, encoding: .utf8)
                let others = text.replacing(#/"limit"\s*:\s*([0-9.]+)/#) { "\"limit\" : \(change(Double($0.1)!))" }
                #expect(others != text)
                try others.write(toFile: folder + "/changed.json", atomically: true, encoding: .utf8)
                return try ModelSpeeds(model, path: folder + "/changed.json").time(of: cost).step
            }
            // Chance may move what they can do now, but not as far.
            let (fast, slow) = (try changed { $0 / 1000 }, try changed { $0 * 1000 })
            #expect(fast > 0 && slow > 20 * fast)
        }
    }

    @Test func samplesOf16BitsAndSeveralPhotographsTakeMoreMemory() throws {
        try withScratchFolder { folder in
            let model = try briefModel()
            let (plain, deep) = try (job("a.png", 400, 300, in: folder), job("b.png", 400, 300, bits: 16, in: folder))
            func peak(_ jobs: [PhotoJob]) throws -> Int { try WorkPlan(jobs, model: model, settings: settings(), measuring: .above(seconds: 1e9)).peakBytes }
            // But for what the process itself takes, which other tests change meanwhile.
            let differences = try (0..<20).map { _ in try abs(peak([deep]) - peak([plain]) - 3 * 3 * 400 * 300) }
            #expect(differences.contains { $0 < 700_000 }, "\(differences)")
            func cost(_ keepsDenoiser: Bool) throws -> Int {
                try model.cost(of: settings().restoration, height: 24, width: 40, keepsDenoiser: keepsDenoiser).peakByteCount
            }
            #expect(try cost(true) >= cost(false))
        }
    }

    /// Not by how much, which depends on what else the machine does; that stands in Docs/Benchmarks.md.
    @Test func theTimeIsNearToWhatHappens() throws {
        try withScratchFolder { folder in
            let model = try briefModel()
            let job = try job("a.png", 200, 160, in: folder)
            for steps in [2, 12] {
                let plan = try WorkPlan([job], model: model, settings: settings(steps: steps), speeds: ModelSpeeds(model, path: nil))
                var anew = settings(steps: steps)
                anew.overwrites = true
                let report = try PhotoRestorer(model: model, settings: anew).restore([job])[0]
                let ratio = plan.seconds / (report.seconds ?? 0)
                #expect(ratio > 0.2 && ratio < 5, "planned \(plan.seconds) s, took \(report.seconds ?? 0) s")
            }
        }
    }
}
