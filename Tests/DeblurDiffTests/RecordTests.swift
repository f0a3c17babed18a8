import DeblurDiff
import Testing

/// Tests of the whole way from pixels to pixels, with the oracle's model.
@Suite(.serialized) struct RecordTests {
    struct Run: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var height = 64
        var width = 64
        var setting = OracleSetting.standard
        var change: @Sendable (inout RestorationOptions) -> Void = { _ in }
    }

    static let runs = [
        Run(testDescription: "7 x 5", height: 5, width: 7),
        Run(testDescription: "64 x 64", setting: .imported),
        Run(testDescription: "70 x 50", height: 50, width: 70) { $0.strength = 0.7 },
        Run(testDescription: "200 x 90", height: 90, width: 200, setting: .narrow),
        Run(testDescription: "200 x 90, tiles", height: 90, width: 200) {
            $0.tiled = true
            ($0.tileSize, $0.tileStride) = (64, 40)
            $0.betterStart = true
        },
        Run(testDescription: "guided") {
            $0.guidanceScale = 3
            $0.negativePrompt = .tokens([49406, 320, 49407])
            $0.restorationGuidance = RestorationGuidance(scale: 0.1)
        },
    ]

    /// A record is taken beside the run: the same picture, and the numbers that led to it.
    @Test(arguments: runs) func aRecordDoesNotChangeThePicture(_ run: Run) throws {
        var options = RestorationOptions()
        options.steps = 3
        run.change(&options)
        let pixels = (0..<run.height * run.width * 3).map { UInt8(truncatingIfNeeded: $0 * $0 / 7 + $0 / 3) }
        let model = try OracleModel.open(run.setting)
        let recorder = Recorder()
        let plain = try Restorer(model: model, options: options).restore(pixels, height: run.height, width: run.width)
        let recorded = try Restorer(model: model, options: options, recorder: recorder).restore(pixels, height: run.height, width: run.width)
        let apart = zip(plain, recorded).count { $0 != $1 }
        #expect(apart == 0, "\(apart) of \(plain.count) samples")
        #expect(recorder.tensors.contains { $0.0 == "control0.0" } && recorder.tensors.contains { $0.0 == "eac.2" })
    }
}
