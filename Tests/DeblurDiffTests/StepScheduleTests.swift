import Files
import Foundation
import GraphIR
import GraphPasses
import GraphRuntime
import GraphTestSupport
import Tensors
import Testing

@testable import DeblurDiff

/// What is left out of the steps of a run.
@Suite(.serialized) struct StepScheduleTests {
    private static func image(_ height: Int = 50, _ width: Int = 70) -> Tensor {
        Padding.planes(rgb: (0..<height * width * 3).map { UInt8(truncatingIfNeeded: $0 * $0 / 7 + $0 / 3) }, height: height, width: width, multiple: 1)
    }

    private func restored(_ options: RestorationOptions, _ setting: OracleSetting = .standard, image: Tensor = image()) throws -> [Float] {
        try Restorer(model: OracleModel.open(setting), options: options).restore(image).floatArray
    }

    /// Each stage in a rhythm of its own, and forecasts.
    private static let busy = StepSchedule(
        steps: 9, forecast: [5, 8], computed: [.lkpn: [1, 3, 7], .controlNet: [1, 4], .encoder: [1, 2, 6], .decoder: [1, 2, 4, 6, 9]])

    @Test func whatLeavesNothingOutChangesNothing() throws {
        var options = RestorationOptions()
        options.steps = 3
        let plain = try restored(options)
        options.stepSchedule = StepSchedule(steps: 3, computed: Dictionary(uniqueKeysWithValues: StepSchedule.Stage.allCases.map { ($0, [1, 2, 3]) }))
        #expect(options.stepSchedule?.isExact == true)
        #expect(try restored(options) == plain)
        options.stepSchedule = StepSchedule(steps: 3)
        #expect(try restored(options) == plain)
    }

    /// All pieces one after the other are the step, to the bit.
    @Test(arguments: [1, 2, 3]) func theStagesOfACutAreTheStep(_ kinds: Int) throws {
        let model = try OracleModel.open(.standard)
        var key = try model.key("step", height: 64, width: 128)
        let whole = try model.optimizedStep(key).graphs
        let pieces = DenoisingStep.pieces(model.configuration)
        key.cut = CutStages(pieces: pieces.enumerated().map { CutStages.Piece($1.name, prefixes: $1.prefixes, rhythm: kinds == 1 ? $0 : $0 % kinds) })
        let cut = try model.optimizedStep(key).graphs
        #expect(cut.stages.count > whole.stages.count)
        var random = TorchGenerator(seed: 1)
        var values: [String: Tensor] = [:]
        for stage in whole.stages {
            for id in stage.graph.inputs where values[stage.graph[id].name] == nil {
                let type = stage.graph.type(id)
                values[stage.graph[id].name] =
                    stage.graph[id].name == "timestep" ? Tensor([500] as [Float], shape: [1]) : Tensor(random.randn(type.elementCount), shape: type.shape)
            }
            values.merge(try model.program(stage.graph).run(values, in: Workspace())) { $1 }
        }
        let expected = values[model.stepResult]?.floatArray
        values[model.stepResult] = nil
        for stage in cut.stages { values.merge(try model.program(stage.graph).run(values, in: Workspace())) { $1 } }
        #expect(expected != nil && values[model.stepResult]?.floatArray == expected)
        if kinds == 1 { #expect(cut.stages.dropFirst(2).map { $0.name.split(separator: ":")[1] } == pieces.map { $0.name[...] }) }
    }

    /// Nodes of the imported step whose values stay as they were.
    private static func isReused(_ name: String, _ stages: Set<StepSchedule.Stage>) -> Bool {
        let isControl = name.hasSuffix(".control")
        if name.hasPrefix("lkpn.") || name.hasPrefix("eac.") { return stages.contains(.lkpn) }
        if name.hasPrefix("control_net.") { return stages.contains(.controlNet) }
        if name.hasPrefix("unet.input_blocks.0.") { return false }
        if name.hasPrefix("unet.input_blocks.") || name.hasPrefix("unet.middle_block.") && !isControl { return stages.contains(.encoder) }
        // Three blocks at each of four levels, of which the last always runs.
        if name.hasPrefix("unet.output_blocks."), !name.hasPrefix("unet.output_blocks.11."), !isControl { return stages.contains(.decoder) }
        return false
    }

    private func difference(_ a: Tensor, _ b: Tensor) -> Float { SeededRunner.largestRelativeDifference(["": a], ["": b]) }

    /// Two steps by hand on the graph as it is imported: at the second, nodes are left out and their values taken from the first.
    @Test(arguments: StepSchedule.Stage.allCases.map { [$0] } + [[.controlNet, .encoder], [.lkpn, .controlNet, .encoder], StepSchedule.Stage.allCases])
    func keptStagesAreWhatTheyWere(_ reused: [StepSchedule.Stage]) throws {
        let model = try OracleModel.open(.imported)
        let stages = Set(reused)
        let graph = try model.imported(model.key("step", height: 64, width: 64))
        var random = TorchGenerator(seed: 4)
        let latent = graph.type(graph.input("z")!)
        let context = graph.type(graph.input("context")!)
        var inputs = [
            "z": Tensor(random.randn(latent.elementCount), shape: latent.shape), "c_img": Tensor(random.randn(latent.elementCount), shape: latent.shape),
            "context": Tensor(random.randn(context.elementCount), shape: context.shape), "timestep": Tensor([999] as [Float], shape: [1]),
        ]
        let kept = graph.order.filter { Self.isReused(graph.name(of: $0), stages) }
        let keptSet = Set(kept)
        let read = Set(graph.order.filter { !keptSet.contains($0) }.flatMap { graph[$0].operands })
        let crossing = kept.flatMap { graph[$0].results }.filter(read.contains)
        let first = graph.extract(
            "first", nodes: graph.order, outputs: graph.outputs + crossing.map { Graph.Output(name: graph[$0].name, value: $0) })
        let second = graph.extract("second", nodes: graph.order.filter { !keptSet.contains($0) }, outputs: graph.outputs)
        let values = try model.program(first).run(inputs, in: Workspace())
        let other = Tensor(random.randn(latent.elementCount), shape: latent.shape)
        var again = inputs
        (again["z"], again["timestep"]) = (other, Tensor([300] as [Float], shape: [1]))
        let expected = try model.program(second).run(again.merging(values) { first, _ in first }, in: Workspace())[model.stepResult]!

        let standard = try OracleModel.open(.standard)
        let schedule = StepSchedule(steps: 2, computed: Dictionary(uniqueKeysWithValues: reused.map { ($0, [1]) }))
        var key = try standard.key("step", height: 64, width: 64)
        key.cut = try #require(schedule.cut(standard.configuration))
        let program = try StagedProgram(standard, key: key, runner: ProgramRunner())
        var memory: StagedProgram.Kept = [:]
        func run(_ index: Int) throws -> Tensor {
            try program.run(inputs, kept: &memory, keeps: schedule.keeps, runs: { schedule.runs(stage: $0, at: index) })[standard.stepResult]!
        }
        let start = try run(0)
        #expect(difference(values[model.stepResult]!, start) < 2e-5)
        (inputs["z"], inputs["timestep"]) = (other, Tensor([300] as [Float], shape: [1]))
        let result = try run(1)
        #expect(difference(expected, result) < 2e-5)
        // And that is not what a whole step gives.
        let exact = try model.program(graph).run(inputs, in: Workspace())[model.stepResult]!
        #expect(difference(exact, result) > 1e-4)
    }

    @Test(arguments: [false, true]) func goesOnWithTheBitsOfAnUndisturbedRun(_ isTiledAndGuided: Bool) throws {
        let model = try OracleModel.open(.standard)
        var options = RestorationOptions()
        options.sampler = try #require(SamplerChoice.all.first { $0.name == "dpm++2m-sde" })
        options.steps = 9
        options.stepSchedule = Self.busy
        let image = Self.image(64, isTiledAndGuided ? 96 : 64)
        if isTiledAndGuided {
            options.tiled = true
            (options.tileSize, options.tileStride) = (64, 32)
            options.guidanceScale = 2
            options.negativePrompt = .tokens([49406, 320, 49407])
        }
        let undisturbed = try Restorer(model: model, options: options).restore(image).floatArray
        for last in 1...9 {
            let stopped = try #require(try Restorer(model: model, options: options).interrupted(image, after: last))
            #expect(try Restorer(model: model, options: options).restore(image, from: stopped).floatArray == undisturbed, "after step \(last)")
            // Some small tensors, not what the stages put out.
            #expect(stopped.history.count <= 12 && stopped.history.allSatisfy { $0.shape == stopped.z.shape })
            var damaged = stopped
            damaged.history.append(stopped.z)
            if last < 9 { #expect(throws: InputError.self) { try Restorer(model: model, options: options).restore(image, from: damaged) } }
        }
    }

    /// What is beside a tile, and was kept of it, is nothing to the tile.
    @Test func tilesKeepTheirOwn() throws {
        let model = try OracleModel.open(.standard)
        var options = RestorationOptions()
        options.steps = 4
        options.stepSchedule = StepSchedule(steps: 4, computed: [.encoder: [1], .controlNet: [1, 3]])
        options.tiled = true
        (options.tileSize, options.tileStride) = (64, 64)
        func left(of image: Tensor) throws -> [Float] {
            var z: Tensor?
            _ = try Restorer(model: model, options: options).restore(image) { z = $0.z }
            let latent = try #require(z)
            let width = latent.shape[3]
            return latent.floatArray.enumerated().filter { $0.offset % width < width / 2 }.map(\.element)
        }
        let image = Self.image(64, 128)
        let other = Tensor(image.floatArray.enumerated().map { $0.offset % 128 < 64 ? $0.element : 1 - $0.element }, shape: image.shape)
        let (kept, beside) = (try left(of: image), try left(of: other))
        #expect(kept == beside)
        options.stepSchedule = nil
        let exact = try left(of: image)
        #expect(kept != exact)
    }

    @Test func forecastsAreExactOnPolynomials() {
        var fit = EstimateForecast()
        fit.ridge = 0
        let known = [0, 1, 2, 3, 5, 7]
        func cubic(_ step: Int) -> Double { 0.3 - 0.2 * Double(step) + 0.05 * Double(step * step) - 0.004 * Double(step * step * step) }
        let weights = fit.weights(at: 8, known: known, of: 20)
        #expect(abs(zip(weights, known).reduce(0) { $0 + $1.0 * cubic($1.1) } - cubic(8)) < 1e-9)
        for ridge in [0, 0.1, 1, 100] {
            for known in [[3], [0, 3], [0, 1, 2, 3], [0, 1, 2, 3, 5, 7]] {
                fit.ridge = ridge
                // What does not change is forecast as it is.
                #expect(abs(fit.weights(at: 9, known: known, of: 20).reduce(0, +) - 1) < 1e-9)
            }
        }
        fit.ridge = 1e9
        #expect(abs(fit.weights(at: 9, known: known, of: 20).last! - 1) < 1e-6)
    }

    /// On a denoiser whose image is known at each noise (a Gaussian prior with a spectrum like photographs'), forecasting a third of 50 steps is far nearer to all steps than keeping the
    /// last estimate. (With samplers that draw noise it is not.)
    @Test(arguments: ["ddim", "dpm++2m"]) func forecastsAreNearOnAKnownDenoiser(_ name: String) throws {
        let size = 256
        func run(_ schedule: StepSchedule?, hold: Bool = false, steps: Int = 50) throws -> [Float] {
            var options = RestorationOptions()
            (options.steps, options.sampler) = (steps, try #require(SamplerChoice.all.first { $0.name == name }))
            var sampler = try options.sampler.make(options, .released)
            var random = TorchGenerator(seed: 7)
            var z = Tensor(random.randn(size), shape: [1, 1, 1, size])
            var history = schedule.map { StepHistory(StepPlan($0, stages: [])) }
            var last: Tensor?
            for step in 0..<options.steps {
                let (noise, signal) = (sampler.schedule.noise(sampler.levels[step]), sampler.schedule.signal(sampler.levels[step]))
                var estimate = Tensor(
                    z.floatArray.enumerated().map { index, value in
                        let variance = 1 / Double(1 + index)
                        return Float(variance / (variance + noise * noise) * Double(value) / signal)
                    }, shape: z.shape)
                if let schedule, schedule.isForecast(step) {
                    estimate = hold ? last! : history!.forecast(step)
                } else {
                    history?.add(step, z: z, estimate: estimate)
                    last = estimate
                }
                z = sampler.step(z, estimate: estimate, step: step, random: &random)
                history?.end(step)
            }
            return z.floatArray
        }
        let schedule = StepSchedule(steps: 50, forecastEvery: 2, reuse: [:])
        #expect(schedule.forecast.count > 15)
        let exact = try run(nil)
        func distance(_ values: [Float]) -> Double {
            (zip(values, exact).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) } / exact.reduce(0.0) { $0 + Double($1) * Double($1) })
                .squareRoot()
        }
        let (forecast, held) = (distance(try run(schedule)), distance(try run(schedule, hold: true)))
        #expect(forecast < held / 2, "\(forecast), kept \(held)")
    }

    @Test func rulesComputeTheFirstAndTheLastSteps() {
        let schedule = StepSchedule(steps: 10, forecastEvery: 2, reuse: [.encoder: 3, .lkpn: 1])
        #expect(schedule.forecast == [5, 7, 9])
        #expect(schedule.computed == ["encoder": [1, 2, 6, 10]])
        #expect(StepSchedule(steps: 2, forecastEvery: 5, reuse: [.encoder: 5, .decoder: 3]).isExact)
        #expect(StepSchedule(steps: 1, forecastEvery: 2, reuse: [.lkpn: 2]).isExact)
        for steps in 1...60 {
            for every in 1...6 {
                let schedule = StepSchedule(steps: steps, forecastEvery: every, reuse: [.encoder: every, .controlNet: 2])
                #expect(throws: Never.self) { try schedule.validate(steps: steps) }
            }
        }
    }

    @Test func asJSON() throws {
        let schedule = Self.busy
        #expect(try JSONDecoder().decode(StepSchedule.self, from: Data(schedule.json.utf8)) == schedule)
        let short = try JSONDecoder().decode(StepSchedule.self, from: Data(#"{"steps": 3, "other": 1}"#.utf8))
        #expect(short == StepSchedule(steps: 3))
    }

    @Test func refusesWhatCannotBe() throws {
        let model = try OracleModel.open(.standard)
        func refuses(_ schedule: StepSchedule, _ words: String, steps: Int = 6) {
            var options = RestorationOptions()
            (options.steps, options.stepSchedule) = (steps, schedule)
            let error = #expect(throws: InputError.self) { try Restorer(model: model, options: options) }
            #expect(error?.description.contains(words) == true, "\(String(describing: error))")
        }
        refuses(StepSchedule(steps: 5), "is for 5 steps, and the run has 6")
        refuses(StepSchedule(steps: 6, forecast: [4]), "first 4 steps")
        refuses(StepSchedule(steps: 6, forecast: [7]), "rising steps of 1 to 6")
        refuses(StepSchedule(steps: 6, forecast: [6, 5]), "rising steps")
        refuses(StepSchedule(steps: 6, computed: [.encoder: [2, 3]]), "must compute 'encoder' at the first step")
        refuses(StepSchedule(steps: 6, computed: [.encoder: []]), "must compute 'encoder' at the first step")
        var unknown = StepSchedule(steps: 6)
        unknown.computed["lpkn"] = [1]
        refuses(unknown, "names 'lpkn'")

        var options = RestorationOptions()
        (options.steps, options.stepSchedule) = (6, StepSchedule(steps: 6, computed: [.encoder: [1]]))
        #expect(throws: InputError.self) { try Restorer(model: model, options: options, recorder: Recorder()) }
        #expect(throws: InputError.self) { try Restorer(model: OracleModel.open(.imported), options: options) }
        // Forecasts need no cut.
        options.stepSchedule = StepSchedule(steps: 6, forecast: [5])
        #expect(throws: Never.self) { try Restorer(model: OracleModel.open(.imported), options: options) }
    }

    /// Without the LKPN there is nothing to keep of it.
    @Test func ablationsHaveFewerStages() throws {
        var setting = OracleSetting.standard
        setting.without = ["lkpn"]
        var options = RestorationOptions()
        (options.steps, options.stepSchedule) = (3, StepSchedule(steps: 3, computed: [.lkpn: [1]]))
        let kept = try restored(options, setting)
        options.stepSchedule = nil
        #expect(kept == (try restored(options, setting)))
    }

    @Test func plansCountWhatRuns() throws {
        let model = try OracleModel.open(.standard)
        var options = RestorationOptions()
        options.steps = 9
        let exact = try model.cost(of: options, height: 128, width: 128)
        options.stepSchedule = StepSchedule(steps: 9, forecast: [6, 8], computed: [.controlNet: [1, 4], .encoder: [1, 4], .lkpn: [1, 4]])
        let cost = try model.cost(of: options, height: 128, width: 128)
        let parts = cost.plan.parts.filter(\.isStep)
        #expect(parts.map(\.key.graph) == ["step:input", "step:lkpn+control_net+encoder+sums", "step:decoder+output"] && parts.map(\.runs) == [7, 2, 7])
        #expect(parts.map { $0.keptByteCount > 0 } == [false, true, false])
        let step = try #require(exact.plan.parts.first { $0.isStep }).floatingPointOperations
        let pieces = parts.map(\.floatingPointOperations)
        #expect(abs(pieces.reduce(0, +) / step - 1) < 1e-3)
        #expect(
            abs(exact.floatingPointOperations - cost.floatingPointOperations - (9 * step - zip(parts, pieces).reduce(0) { $0 + Double($1.0.runs) * $1.1 })) < 1)
        // The weights are those of the step; what is kept comes to them.
        let weights = { (cost: RestorationCost) in zip(cost.plan.parts, cost.memory).reduce(0) { $1.0.isStep ? $0 + $1.1.weightByteCount : $0 } }
        #expect(weights(cost) == weights(exact))
        options.tiled = true
        (options.tileSize, options.tileStride) = (64, 32)
        options.guidanceScale = 3
        let tiled = try model.cost(of: options, height: 128, width: 128)
        let kept = try #require(tiled.plan.parts.first { $0.keptByteCount > 0 })
        #expect(tiled.plan.tileCount == 9 && kept.runs == 2 * 9 * 2)
        #expect(kept.keptByteCount == 2 * 9 * tiled.memory[try #require(tiled.plan.parts.firstIndex { $0.keptByteCount > 0 })].outputByteCount)
        options.stepSchedule = nil
        #expect(tiled.peakByteCount > (try model.cost(of: options, height: 128, width: 128)).peakByteCount)
    }

    // MARK: Presets

    @Test(arguments: [1, 2, 5, 9, 10, 20, 50]) func presetsNeverDoMoreThanExact(_ own: Int) throws {
        let model = try OracleModel.open(.standard)
        func operations(_ preset: RestorationPreset) throws -> Double {
            var options = RestorationOptions()
            let way = preset.way(own: own)
            (options.steps, options.sampler, options.spacing, options.betterStart) = (way.steps, way.sampler, way.spacing, way.betterStart)
            options.leaveOut(forecastEvery: way.forecastEvery, reuse: way.reuse)
            try options.validate(for: model.configuration)
            return try model.plan(of: options, height: 64, width: 64).parts.filter(\.isStep).reduce(0) { $0 + Double($1.runs) * $1.floatingPointOperations }
        }
        let all = try RestorationPreset.all.map(operations)
        #expect(zip(all, all.dropFirst()).allSatisfy(>=), "\(all)")
        #expect(RestorationPreset.all[0].way(own: own) == RestorationPreset.Way(steps: own))
        if own < 10 {
            // Such models are for their own way.
            for preset in RestorationPreset.all { #expect(preset.way(own: own) == RestorationPreset.Way(steps: preset.way(own: own).steps)) }
        }
        if own == 50 {
            #expect(
                RestorationPreset.all.map(\.name) == ["exact", "high", "fast", "draft"]
                    && RestorationPreset.all.map { $0.way(own: 50).steps } == [50, 20, 10, 4])
            #expect(all[1] < 0.45 * all[0] && all[2] < 0.2 * all[0] && all[3] < 0.1 * all[0])
        }
    }
}
