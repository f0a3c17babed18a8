import DeblurDiff
import GraphTestSupport
import Testing

@Suite(.serialized) struct ProgressTests {
    private typealias Phase = RestorationProgress.Phase

    /// Runs a restoration of made-up pixels and returns all that it tells.
    private func progress(_ options: RestorationOptions, height: Int, width: Int, images: Int = 1) throws -> (RestorationWork, [RestorationProgress]) {
        final class Told: @unchecked Sendable { var all: [RestorationProgress] = [] }
        let told = Told()
        let restorer = try Restorer(model: OracleModel.open(.standard), options: options, keepsDenoiser: images > 1, progress: { told.all.append($0) })
        let work = try restorer.plannedWork(height: height, width: width)
        let pixels = (0..<height * width * 3).map { UInt8(truncatingIfNeeded: $0 * $0 / 7 + $0 / 3) }
        for _ in 0..<images {
            told.all = []
            _ = try restorer.restore(pixels, height: height, width: width)
        }
        return (work, told.all)
    }

    private func check(_ told: [RestorationProgress], steps: Int, sourceLocation: SourceLocation = #_sourceLocation) {
        let isMonotone = zip(told, told.dropFirst()).allSatisfy { $0.share <= $1.share && $0.step <= $1.step && $0.seconds <= $1.seconds }
        #expect(isMonotone, sourceLocation: sourceLocation)
        #expect(told.first?.share == 0 && told.last?.share == 1, sourceLocation: sourceLocation)
        #expect(told.last?.secondsLeft == 0, sourceLocation: sourceLocation)
        #expect(told.last?.step == steps && told.allSatisfy { $0.stepCount == steps }, sourceLocation: sourceLocation)
        var phases: [Phase] = []
        for event in told where phases.last != event.phase { phases.append(event.phase) }
        #expect(phases == Phase.allCases, sourceLocation: sourceLocation)
    }

    /// How much of the whole a phase takes, as it was told.
    private func share(_ phase: Phase, of told: [RestorationProgress]) -> Double {
        let end = told.drop { $0.phase != phase }.first { $0.phase != phase } ?? told.last!
        return end.share - told.first { $0.phase == phase }!.share
    }

    @Test func aWholeRestorationIsPlanned() throws {
        var options = RestorationOptions()
        options.steps = 3
        let (work, told) = try progress(options, height: 64, width: 128)
        check(told, steps: 3)
        #expect(work.parts[.encodingImage]?.runs == 1 && work.parts[.decoding]?.runs == 1 && work.parts[.sampling]?.runs == 3)
        for phase in Phase.allCases {
            let planned = work.parts[phase]!.operations / work.operations
            #expect(planned > 0 && abs(share(phase, of: told) - planned) < 1e-9, "\(phase)")
        }
        // When the last step has ended, the decoder is still to come.
        #expect(try #require(told.first { $0.phase == .decoding }?.secondsLeft) > 0)
    }

    @Test func tilesAndGuidanceAreCounted() throws {
        var options = RestorationOptions()
        options.steps = 2
        options.tiled = true
        (options.tileSize, options.tileStride) = (64, 64)
        options.betterStart = true
        options.guidanceScale = 2
        options.negativePrompt = .tokens([49406, 320, 49407])
        let (work, told) = try progress(options, height: 70, width: 190)
        check(told, steps: 2)
        let tiles = 2 * 3
        #expect(work.parts[.encodingImage]?.runs == 2 * tiles && work.parts[.decoding]?.runs == tiles)
        #expect(work.parts[.sampling]?.runs == 2 * 2 * tiles)
        // Each tile moves the share on its own.
        for (phase, runs) in [(Phase.encodingImage, 2 * tiles), (.sampling, 4 * tiles), (.decoding, tiles)] {
            #expect(Set(told.filter { $0.phase == phase }.map(\.share)).count > runs, "\(phase)")
        }
    }

    /// Prompts are encoded, and the denoiser is made, once for several images of a size.
    @Test func whatIsKeptIsNotPlannedAgain() throws {
        var options = RestorationOptions()
        options.steps = 1
        let (_, told) = try progress(options, height: 64, width: 64, images: 2)
        check(told, steps: 1)
        #expect(share(.encodingText, of: told) == 0 && share(.preparing, of: told) == 0)
    }
}
