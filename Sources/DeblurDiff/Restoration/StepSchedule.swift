import Files
import Foundation
import GraphIR
import GraphPasses
import Tensors

/// What a run leaves out of its steps, as an approximation: steps whose estimate is forecast from those before, and parts of the networks that at some steps are not computed, but taken
/// as they were when last computed.
///
/// Steps are counted from 1, as in messages. As JSON:
///
///     {"steps": 10, "forecast": [6, 8], "computed": {"encoder": [1, 2, 4, 9], "lkpn": [1, 5]}}
public struct StepSchedule: Codable, Hashable, Sendable {
    /// A part of a step that can be left out.
    public enum Stage: String, CaseIterable, Sendable {
        /// The kernels, and what the adaptive convolution makes of them.
        case lkpn
        case controlNet = "control_net"
        /// The denoiser's input blocks but the first, and its middle.
        case encoder
        /// Its output blocks but the last.
        case decoder
    }

    /// Of the run that it is for.
    public var steps: Int
    /// Steps at which no network runs.
    public var forecast: [Int]
    /// For each ``Stage`` the steps at which it is computed; at all where it is not named.
    public var computed: [String: [Int]]

    /// - `steps`: of the run.
    public init(steps: Int, forecast: [Int] = [], computed: [Stage: [Int]] = [:]) {
        (self.steps, self.forecast) = (steps, forecast)
        self.computed = Dictionary(uniqueKeysWithValues: computed.map { ($0.rawValue, $1) })
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        steps = try values.decode(Int.self, forKey: .steps)
        forecast = try values.decodeIfPresent([Int].self, forKey: .forecast) ?? []
        computed = try values.decodeIfPresent([String: [Int]].self, forKey: .computed) ?? [:]
    }

    /// In one line.
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Steps that are computed before one is forecast, and the share of the run behind which none is.
    static let (warmUp, lastShare) = (4, 0.9)

    /// By rules: of the steps between the warm-up and the last tenth every `forecastEvery`th is computed, and of the steps that are, a stage runs at the first two, at every so manyth
    /// behind these, and at the last.
    public init(steps: Int, forecastEvery: Int, reuse: [Stage: Int]) {
        let last = Int(Double(steps) * StepSchedule.lastShare)
        let isComputed = { (step: Int) in step <= StepSchedule.warmUp || step > last || (step - StepSchedule.warmUp).isMultiple(of: forecastEvery) }
        let evaluated = (1...max(steps, 1)).filter(isComputed)
        self.init(
            steps: steps, forecast: (1...max(steps, 1)).filter { !isComputed($0) },
            computed: reuse.filter { $0.value > 1 }.mapValues { every in
                evaluated.enumerated().filter { $0.offset < 2 || ($0.offset - 1).isMultiple(of: every) || $0.offset == evaluated.count - 1 }.map(\.element)
            })
    }

    /// - Throws: an `InputError` for a schedule of another number of steps, and for one that asks for what was never computed.
    public func validate(steps: Int) throws {
        func fail(_ what: String) -> InputError { InputError(what, at: "`stepSchedule`") }
        guard self.steps == steps else { throw fail("is for \(self.steps) steps, and the run has \(steps)") }
        for (name, list) in computed.sorted(by: { $0.key < $1.key }) + [("forecast", forecast)] {
            guard name == "forecast" || Stage(rawValue: name) != nil else {
                throw fail("names '\(name.printable)', and the stages are \(Stage.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            guard list.allSatisfy((1...max(steps, 1)).contains), zip(list, list.dropFirst()).allSatisfy(<) else {
                throw fail("must have rising steps of 1 to \(steps) for '\(name.printable)'")
            }
            guard name == "forecast" || list.first == 1 else { throw fail("must compute '\(name)' at the first step") }
        }
        guard forecast.allSatisfy({ $0 > StepSchedule.warmUp }) else { throw fail("cannot forecast any of the first \(StepSchedule.warmUp) steps") }
    }

    /// Whether nothing is left out.
    public var isExact: Bool { forecast.isEmpty && !reuses }

    /// Whether some stage is not computed at each step.
    var reuses: Bool { Stage.allCases.contains { stage in (0..<steps).contains { !isForecast($0) && !runs(stage, at: $0) } } }

    /// - Parameter index: of a step, from 0.
    func isForecast(_ index: Int) -> Bool { forecast.contains(index + 1) }

    private func runs(_ stage: Stage, at index: Int) -> Bool { computed[stage.rawValue]?.contains(index + 1) ?? true }

    // MARK: The pieces of a step

    /// Whether a piece of a ``DenoisingStep`` runs at a step.
    func runs(piece: String, at index: Int) -> Bool {
        guard !isForecast(index) else { return false }
        if piece == DenoisingStep.sums { return runs(.controlNet, at: index) || runs(.encoder, at: index) }
        return Stage(rawValue: piece).map { runs($0, at: index) } ?? true
    }

    func runs(stage name: String, at index: Int) -> Bool {
        CutStages.pieces(ofStage: name).first.map { runs(piece: $0, at: index) } ?? !isForecast(index)
    }

    /// How often a stage runs.
    func runCount(stage name: String) -> Int { (0..<steps).count { runs(stage: name, at: $0) } }

    /// Whether what a stage puts out is used at other steps, too.
    func keeps(stage name: String) -> Bool { (0..<steps).contains { !isForecast($0) && !runs(stage: name, at: $0) } }

    /// How a step is cut for it; nil where it is not.
    func cut(_ configuration: ModelConfiguration) -> CutStages? {
        guard reuses else { return nil }
        var rhythms: [[Bool]] = []
        return CutStages(
            pieces: DenoisingStep.pieces(configuration).map { name, prefixes in
                let rhythm = (0..<steps).map { runs(piece: name, at: $0) }
                if !rhythms.contains(rhythm) { rhythms.append(rhythm) }
                return CutStages.Piece(name, prefixes: prefixes, rhythm: rhythms.firstIndex(of: rhythm)!)
            })
    }

    /// Steps whose estimates a forecast behind so many steps takes, rising.
    func estimateSteps(behind count: Int) -> [Int] {
        guard forecast.contains(where: { $0 > count }) else { return [] }
        return Array((0..<count).filter { !isForecast($0) }.suffix(EstimateForecast.window))
    }
}

/// A schedule, and the stages that a step is cut into for it.
struct StepPlan: Sendable {
    let schedule: StepSchedule
    /// In the order in which they run, each with those before it whose outputs it reads.
    private let stages: [(name: String, reads: [Int])]

    /// - Parameter stages: of a step, without what is moved out of it.
    init(_ schedule: StepSchedule, stages: [GraphStage]) {
        self.schedule = schedule
        self.stages = stages.indices.map { index in
            let inputs = Set(stages[index].graph.inputs.map { stages[index].graph[$0].name })
            return (stages[index].name, (0..<index).filter { before in stages[before].graph.outputs.contains { inputs.contains($0.name) } })
        }
    }

    /// The stages to run again, and at which steps, for a run that goes on behind so many.
    func replays(behind count: Int) -> [Int: Set<String>] {
        var result: [Int: Set<String>] = [:]
        func need(_ stage: Int, before count: Int) {
            guard let step = (0..<count).last(where: { schedule.runs(stage: stages[stage].name, at: $0) }),
                result[step, default: []].insert(stages[stage].name).inserted
            else { return }
            for read in stages[stage].reads { need(read, before: step + 1) }
        }
        guard (count..<schedule.steps).contains(where: { !schedule.isForecast($0) }) else { return [:] }
        for stage in stages.indices where schedule.keeps(stage: stages[stage].name) { need(stage, before: count) }
        return result
    }

    /// The most tensors of a latent's size that are remembered from step to step.
    static func historyCount(_ schedule: StepSchedule) -> Int {
        (schedule.forecast.isEmpty ? 0 : EstimateForecast.window) + (schedule.reuses ? 2 * StepSchedule.Stage.allCases.count : 0)
    }
}

extension DeblurDiffModel {
    /// How the steps of a run are cut; nil where they are exact.
    ///
    /// - Parameter latent: of the image, or of a tile.
    func stepPlan(_ options: RestorationOptions, latent: TensorType) throws -> StepPlan? {
        guard let schedule = options.schedule else { return nil }
        var key = ProgramCache.Key(graph: "step", inputs: ["z": latent], strength: options.strength)
        key.cut = schedule.cut(configuration)
        return StepPlan(schedule, stages: try optimizedStep(key).graphs.stages.filter { DenoisingStep.isRest($0.name) })
    }
}
