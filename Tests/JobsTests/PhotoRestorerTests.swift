import DeblurDiff
import Files
import Foundation
import GraphRuntime
import GraphTestSupport
import Images
import Jobs
import Testing

/// The smallest model.
func briefModel() throws -> DeblurDiffModel { try sharedBriefModel.get() }

private let sharedBriefModel: Result<DeblurDiffModel, any Error> = Result {
    let folder = try makeScratchFolder()
    let yaml = try String(contentsOfFile: repositoryFile("Tests/Fixtures/configs/brief.yaml"), encoding: .utf8)
    try writeSeededModel(ModelConfiguration(yaml: yaml), seed: 1, to: folder + "/model")
    let model = try DeblurDiffModel(path: folder + "/model", options: RuntimeOptions(pool: ThreadPool(threadCount: 1)))
    // The file stays mapped.
    try FileManager.default.removeItem(atPath: folder)
    return model
}

/// Photographs from files to files, with the smallest model.
@Suite(.serialized) struct PhotoRestorerTests {
    private func settings(_ states: String?, steps: Int = 4) -> RestorationSettings {
        var options = RestorationOptions()
        options.steps = steps
        var settings = RestorationSettings(restoration: options, program: "tests")
        settings.unfinished = states.map { UnfinishedStore(folder: $0) }
        settings.secondsBetweenStates = 0
        return settings
    }

    private func photos(_ folder: String) throws -> [PhotoJob] {
        try ["a", "b", "c"].enumerated().map { index, name in
            let pixels = (0..<24 * 40 * 3).map { UInt8(truncatingIfNeeded: ($0 + index) * $0 / 7) }
            try Photo(width: 40, height: 24, pixels: pixels).writePNG("\(folder)/\(name).png")
            return PhotoJob(input: "\(folder)/\(name).png", output: "\(folder)/out/\(name).png", format: PNGCodec())
        }
    }

    private func results(_ folder: String) throws -> [String: [UInt8]] {
        Dictionary(uniqueKeysWithValues: try FilePath.contents(of: folder + "/out").map { ($0, try read("\(folder)/out/\($0)")) })
    }

    /// Half restored, half as it was; and nothing restored is the photograph.
    @Test func blendMixesWithThePhotograph() throws {
        try withScratchFolder { folder in
            let (model, job) = (try briefModel(), try photos(folder)[0])
            func result(_ blend: Float) throws -> [UInt8] {
                var settings = settings(nil, steps: 1)
                settings.restoration.blend = blend
                let reports = try PhotoRestorer(model: model, settings: settings).restore([job])
                // What was made with another share is made again.
                #expect(reports.map(\.state) == [.done])
                return try Photo(reading: job.output).pixels
            }
            let (whole, half, none, photo) = (try result(1), try result(0.5), try result(0), try Photo(reading: job.input).pixels)
            #expect(none == photo && whole != photo)
            for (place, value) in half.enumerated() { #expect(abs(2 * Int(value) - Int(whole[place]) - Int(photo[place])) <= 3) }
            var wrong = RestorationOptions()
            wrong.blend = 1.5
            #expect(throws: InputError.self) { try PhotoRestorer(model: model, settings: RestorationSettings(restoration: wrong, program: "tests")) }
        }
    }

    /// Samples of a photograph are those that one stream has; each can be made again, left out and gone on with by itself.
    @Test func samplesFollowEachOther() throws {
        try withScratchFolder { folder in
            let (model, photo) = (try briefModel(), try photos(folder)[0].input)
            func jobs(_ output: String, count: Int) throws -> [PhotoJob] {
                try FilePath.makeFolder("\(folder)/\(output)")
                return try PhotoList(inputs: [photo], output: "\(folder)/\(output)/x.png", format: nil, samples: count, writes: [], reads: []).jobs
            }
            func run(_ output: String, _ jobs: [PhotoJob], mode: SeedMode = .each, interrupted: Interruption? = nil) throws -> [PhotoReport] {
                var settings = settings(folder + "/states")
                settings.restoration.seedMode = mode
                let restorer = try PhotoRestorer(model: model, settings: settings, several: true, interruption: interrupted ?? Interruption()) { event in
                    if case .progress(let job, let state) = event, job.sample == 1, state.phase == .sampling, state.step == 2 { interrupted?.request() }
                }
                return try restorer.restore(jobs)
            }
            let whole = try jobs("each", count: 3)
            #expect(whole.map(\.output) == (0..<3).map { "\(folder)/each/x_\($0).png" })
            let interruption = Interruption()
            #expect(throws: Interrupted.self) { try run("each", whole, interrupted: interruption) }
            let reports = try run("each", whole)
            #expect(reports.map(\.state) == [.skipped, .done, .done])
            #expect(reports.map(\.sample) == [nil, 1, 2])
            #expect(try run("each", whole).map(\.state) == [.skipped, .skipped, .skipped])
            _ = try run("once", jobs("once", count: 3), mode: .once)
            let pixels = try (0..<3).map { try Photo(reading: "\(folder)/each/x_\($0).png").pixels }
            #expect(try (0..<3).map { try Photo(reading: "\(folder)/once/x_\($0).png").pixels } == pixels)
            #expect(Set(pixels).count == 3)
            // The first is what a single one would be.
            _ = try run("one", jobs("one", count: 1))
            #expect(try Photo(reading: folder + "/one/x.png").pixels == pixels[0])
        }
    }

    /// Whatever draws numbers, a sample begins where the one before ended.
    @Test func samplesKnowWhatIsDrawnBeforeThem() throws {
        let photo = Photo(width: 40, height: 24, pixels: (0..<24 * 40 * 3).map { UInt8(truncatingIfNeeded: $0 * $0 / 7) })
        func check(_ name: String, _ change: (inout RestorationOptions) -> Void) throws {
            var options = RestorationOptions()
            options.steps = 3
            change(&options)
            options.seedMode = .once
            let stream = try Restorer(model: briefModel(), options: options)
            _ = try stream.restore(photo.planes())
            let second = try stream.restore(photo.planes()).floatArray
            options.seedMode = .each
            let restorer = try Restorer(model: briefModel(), options: options)
            #expect(try restorer.restore(photo.planes(), sample: 1).floatArray == second, "\(name)")
            #expect(try restorer.restore(photo.planes()).floatArray != second, "\(name)")
        }
        try check("plain") { _ in }
        try check("tiles") { ($0.tiled, $0.tileSize, $0.tileStride) = (true, 16, 8) }
        try check("tiles, better start") { ($0.tiled, $0.betterStart, $0.tileSize, $0.tileStride) = (true, true, 16, 8) }
        try check("better start") { $0.betterStart = true }
        var guidance = RestorationGuidance(scale: 0.1)
        (guidance.start, guidance.repetitions) = (900, 2)
        try check("guidance") { [guidance] in $0.restorationGuidance = guidance }
        (guidance.space, guidance.loss) = (.rgb, .weighted)
        try check("guidance in RGB") { [guidance] in $0.restorationGuidance = guidance }
        try check("classifier-free guidance") { ($0.guidanceScale, $0.positivePrompt, $0.negativePrompt) = (2, .tokens([1, 2]), .tokens([3])) }
        try check("numbers of a GPU") { ($0.randomNumbers.source, $0.randomNumbers.drawn) = (.cuda, 10) }
        for sampler in SamplerChoice.all { try check(sampler.name) { $0.sampler = sampler } }
    }

    /// Sharp edges: told of, or left as they are, byte for byte where the format is the same.
    @Test func nearlySharpPhotographs() throws {
        try withScratchFolder { folder in
            let pixels = (0..<120 * 128 * 3).map { ($0 / 3 % 128 / 20 + $0 / 384 / 17).isMultiple(of: 2) ? 250 : 10 as UInt8 }
            try Photo(width: 128, height: 120, pixels: pixels).writePNG(folder + "/sharp.png")
            var job = PhotoJob(input: folder + "/sharp.png", output: folder + "/out/sharp.png", format: PNGCodec())
            var settings = settings(nil, steps: 1)
            var warnings: [String] = []
            func run() throws -> PhotoReport {
                warnings = []
                let restorer = try PhotoRestorer(model: try briefModel(), settings: settings) { if case .warning(_, let text) = $0 { warnings.append(text) } }
                return try #require(try restorer.restore([job]).first)
            }
            settings.onlyIfBlurred = true
            #expect(try run().state == .copied)
            #expect(try read(job.output) == read(job.input))
            #expect(warnings.isEmpty)
            (job.output, job.format) = (folder + "/out/sharp.tif", TIFFCodec())
            #expect(try run().state == .copied)
            #expect(try Photo(reading: job.output).pixels == pixels)
            settings.onlyIfBlurred = false
            let report = try run()
            #expect(report.state == .done && (report.blur ?? 9) < 2)
            #expect(warnings.count == 1 && warnings[0].contains("is nearly sharp") && warnings[0].contains("`onlyIfBlurred`"))
        }
    }

    /// Interrupted after each step in turn, and gone on with each time: at the end the bytes are those of an undisturbed run, and no state is left.
    @Test func interruptedRunsEndWithTheSameBytes() throws {
        try withScratchFolder { folder in
            let model = try briefModel()
            let jobs = try photos(folder)
            try PhotoRestorer(model: model, settings: settings(nil), several: true).restore(jobs)
            let undisturbed = try results(folder)
            #expect(undisturbed.count == 3)
            try FileManager.default.removeItem(atPath: folder + "/out")
            var (interruptions, isDone) = (0, false)
            var resumedSteps: [Int] = []
            while !isDone {
                let interruption = Interruption()
                var steps: [String: Int] = [:]
                let restorer = try PhotoRestorer(model: model, settings: settings(folder + "/states"), several: true, interruption: interruption) { event in
                    switch event {
                    case .resumed(let job, let step, _):
                        resumedSteps.append(step)
                        steps[job.input] = step
                    case .progress(let job, let progress) where progress.phase == .sampling && progress.step > steps[job.input, default: 0]:
                        interruption.request()
                    default: break
                    }
                }
                do {
                    try restorer.restore(jobs)
                    isDone = true
                } catch let error as Interrupted {
                    interruptions += 1
                    #expect(error.kept?.of == 4)
                    guard interruptions < 40 else { break }
                }
            }
            #expect(interruptions == 3 * 4 && resumedSteps.count >= 9)
            #expect(try results(folder) == undisturbed)
            #expect(try FilePath.contents(of: folder + "/states").isEmpty)
        }
    }

    @Test func whatIsThereIsNotMadeAgain() throws {
        try withScratchFolder { folder in
            let model = try briefModel()
            let jobs = try photos(folder)
            let first = try PhotoRestorer(model: model, settings: settings(nil, steps: 1)).restore(jobs)
            #expect(first.map(\.state) == [.done, .done, .done])
            let before = try results(folder)
            // Another photograph under the name, and a result that is no more.
            try Photo(width: 40, height: 24, pixels: [UInt8](repeating: 100, count: 24 * 40 * 3)).writePNG(folder + "/b.png")
            try write(Array(before["c.png"]!.prefix(100)), to: folder + "/out/c.png")
            let second = try PhotoRestorer(model: model, settings: settings(nil, steps: 1)).restore(jobs)
            #expect(second.map(\.state) == [.skipped, .done, .done])
            #expect(try results(folder)["c.png"] == before["c.png"] && results(folder)["b.png"] != before["b.png"])
            // Other options, or on demand.
            #expect(try PhotoRestorer(model: model, settings: settings(nil, steps: 2)).restore(jobs).map(\.state) == [.done, .done, .done])
            var anew = settings(nil, steps: 2)
            anew.overwrites = true
            #expect(try PhotoRestorer(model: model, settings: anew).restore(jobs).map(\.state) == [.done, .done, .done])
        }
    }

    /// What does not say itself how it was made is remembered; another quality makes another result.
    @Test func strippedResultsAndOtherQualities() throws {
        try withScratchFolder { folder in
            let model = try briefModel()
            let jobs = try photos(folder).map { PhotoJob(input: $0.input, output: $0.output + ".jpg", format: JPEGCodec()) }
            func states(_ change: (inout RestorationSettings) -> Void) throws -> [PhotoReport.State] {
                var settings = settings(folder + "/states", steps: 1)
                change(&settings)
                return try PhotoRestorer(model: model, settings: settings).restore(jobs).map(\.state)
            }
            #expect(try states { _ in } == [.done, .done, .done])
            #expect(try states { $0.writing.quality = 80 } == [.done, .done, .done])
            #expect(try states { $0.writing.quality = 80 } == [.skipped, .skipped, .skipped])
            #expect(try states { $0.stripsMetadata = true } == [.done, .done, .done])
            #expect(try states { $0.stripsMetadata = true } == [.skipped, .skipped, .skipped])
            // Another photograph, another seed, a result that was changed.
            try write(read(jobs[0].output) + [0], to: jobs[0].output)
            #expect(try states { $0.stripsMetadata = true } == [.done, .skipped, .skipped])
            #expect(
                try states {
                    $0.stripsMetadata = true
                    $0.restoration.seed = 5
                } == [.done, .done, .done])
            #expect(
                try states {
                    $0.stripsMetadata = true
                    $0.unfinished = nil
                } == [.done, .done, .done])
        }
    }

    @Test func oneThatFailsDoesNotStopTheOthers() throws {
        try withScratchFolder { folder in
            let jobs = try photos(folder)
            try write([1, 2, 3], to: folder + "/a.png")
            var ended: [String] = []
            let reports = try PhotoRestorer(model: briefModel(), settings: settings(nil, steps: 1)) {
                if case .ended(let job, _, _) = $0 { ended.append(FilePath.name(of: job.input)) }
            }.restore(jobs)
            #expect(reports.map(\.state) == [.failed, .done, .done] && ended == ["a.png", "b.png", "c.png"])
            #expect(reports[0].error?.contains("a.png") == true && reports[1].width == 40 && reports[1].seconds != nil)
            try Manifest.write(reports, to: folder + "/m.jsonl")
            let lines = try String(contentsOfFile: folder + "/m.jsonl", encoding: .utf8).split(separator: "\n")
            #expect(try lines.map { try JSONDecoder().decode(PhotoReport.self, from: Data($0.utf8)) } == reports)
        }
    }
}
