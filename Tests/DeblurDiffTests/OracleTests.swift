import DeblurDiff
import Images
import Tensors
import Testing

/// The numbers of the released implementation, stage by stage.
///
/// One run at a time: each uses all processors.
@Suite(.serialized)
struct OracleTests {
    @Test(arguments: OracleSetting.all, OracleCase.all)
    func matchesTheReleasedImplementation(_ setting: OracleSetting, _ oracle: OracleCase) throws {
        let input = try oracle.input()
        let recorder = Recorder()
        let restorer = try Restorer(model: OracleModel.open(setting), options: oracle.options(), recorder: recorder)
        if let previous = try oracle.previousInput() { _ = try restorer.restore(previous.pixels, height: previous.height, width: previous.width) }
        let earlier = recorder.tensors.count
        let pixels = try restorer.restore(input.pixels, height: input.height, width: input.width)

        let recorded = renumbered(recorder.tensors[earlier...])
        let expected = try oracle.expectedStages()
        var largest = 0.0
        for stage in expected.tensorNames {
            let found = try #require(recorded[stage], "stage \(stage) was not recorded")
            let error = relativeError(found, try expected.tensor(stage))
            #expect(error <= setting.tolerance, "stage \(stage)")
            largest = max(largest, error)
        }
        let comparison = PhotoComparison(input.withPixels(pixels), try oracle.expectedImage())
        #expect(comparison.share(within: 1) >= 0.999)
        print("oracle \(oracle.name), \(setting.name): largest relative error \(largest), image within \(comparison.largestDifference)")
    }

    /// Tensors named STAGE.N, with N counted from 0.
    private func renumbered(_ tensors: ArraySlice<(String, Tensor)>) -> [String: Tensor] {
        var (result, counts): ([String: Tensor], [Substring: Int]) = ([:], [:])
        for (name, tensor) in tensors {
            let stage = name.prefix { $0 != "." }
            result["\(stage).\(counts[stage, default: 0])"] = tensor
            counts[stage, default: 0] += 1
        }
        return result
    }

    /// Strips change no bit of any stage.
    @Test(arguments: ["plain", "windowed", "window_one_axis", "tiled"]) func stripsKeepEveryBit(_ name: String) throws {
        let oracle = OracleCase(name: name)
        let input = try oracle.input()
        let runs = try [OracleSetting.standard, .strips].map { setting -> [(String, Tensor)] in
            let recorder = Recorder()
            let restorer = try Restorer(model: OracleModel.open(setting), options: oracle.options(), recorder: recorder)
            _ = try restorer.restore(input.pixels, height: input.height, width: input.width)
            return recorder.tensors
        }
        #expect(runs[0].map(\.0) == runs[1].map(\.0))
        for (whole, strips) in zip(runs[0], runs[1]) {
            #expect(whole.1.floatArray.map(\.bitPattern) == strips.1.floatArray.map(\.bitPattern), "\(whole.0)")
        }
    }

    /// A restoration in less memory than it would take is the same.
    @Test func aLimitKeepsEveryBit() throws {
        let input = try OracleCase.plain.input()
        let (model, options) = (try OracleModel.open(.standard), try OracleCase.plain.options())
        let whole = try model.cost(of: options, height: input.height, width: input.width)
        let limit = whole.memory.map(\.arenaByteCount).max()! * 3 / 4
        func restored(_ arenaLimit: Int?) throws -> [UInt32] {
            let restorer = try Restorer(model: model, options: options)
            restorer.arenaLimits = arenaLimit.map(ArenaLimits.init)
            return try restorer.restore(input.planes()).floatArray.map(\.bitPattern)
        }
        #expect(try restored(limit) == restored(nil))
    }

    /// Products made of 16 bits change the image by rounding alone.
    @Test func sixteenBitsKeepTheImage() throws {
        let oracle = OracleCase.plain
        let input = try oracle.input()
        let restorer = try Restorer(model: OracleModel.open(.narrow), options: oracle.options())
        let image = try input.withPixels(restorer.restore(input.pixels, height: input.height, width: input.width))
        let comparison = PhotoComparison(image, try oracle.expectedImage())
        print("oracle \(oracle.name), int16: PSNR \(comparison.psnr), image within \(comparison.largestDifference)")
        #expect(comparison.psnr > 58)
        #expect(comparison.largestDifference <= 2)
    }

    /// Work is split by shape alone.
    @Test func resultsDoNotDependOnTheNumberOfThreads() throws {
        let input = try OracleCase.plain.input()
        var options = try OracleCase.plain.options()
        options.steps = 2
        let runs = try [1, 2, 3].map { threads in
            let recorder = Recorder()
            let restorer = try Restorer(model: OracleModel.open(.standard, threads: threads), options: options, recorder: recorder)
            _ = try restorer.restore(input.pixels, height: input.height, width: input.width)
            return recorder.tensors
        }
        for run in runs.dropFirst() {
            #expect(run.map(\.0) == runs[0].map(\.0))
            for ((name, tensor), (_, first)) in zip(run, runs[0]) {
                #expect(tensor.withBytes(Array.init) == first.withBytes(Array.init), "\(name)")
            }
        }
    }
}
