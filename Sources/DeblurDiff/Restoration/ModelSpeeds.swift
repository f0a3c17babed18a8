import Files
import Foundation
import GraphRuntime
import Tensors

/// How long restorations take on this machine: measured once for a model and its options, at a few sizes, and kept in a small file.
public final class ModelSpeeds {
    /// Nothing is measured that takes longer than so many seconds by a rough estimate; larger images are as fast for each of their operations.
    private static let longestMeasurement = 2.0

    private let model: DeblurDiffModel
    private let file: MeasurementFile<ProgramSpeed>?
    private let configuration: String
    private var known: [String: ProgramSpeed]
    private lazy var limits = MachineLimits.measure(model.options.pool)
    private var limit: Double { max(limits.limit(model.options.precision), 0.1) }
    /// What is done between the programs.
    private let times: MeasuredTimes
    /// Reading and writing photographs.
    public let photographTimes: MeasuredTimes
    private var spentOnPrograms = 0.0
    /// On measuring, so far.
    public var spentSeconds: Double { spentOnPrograms + times.spentSeconds + photographTimes.spentSeconds }

    /// - `path`: of the file, beside which `times.json` is; nil for none.
    public init(_ model: DeblurDiffModel, path: String? = FilePath.inCache("speeds.json")) {
        let timesPath = path.map { FilePath.join(FilePath.folder(of: $0), "times.json") }
        times = MeasuredTimes("arithmetic", path: timesPath)
        photographTimes = MeasuredTimes("photographs", path: timesPath)
        self.model = model
        file = path.map { MeasurementFile(path: $0, schema: "deblurdiff.speeds/1", machine: MachineLimits.machineName) }
        let (options, optimization) = (model.options, model.optimization)
        var subject = [model.file.digest, optimization.level.name, options.precision.rawValue, options.memory.rawValue, "\(options.pool.threadCount) threads"]
        subject += optimization.pipeline.disabledPasses.sorted()
        subject += optimization.without.sorted().map { "without \($0)" }
        if let cleaner = model.cleaner { subject.append("cleaner \(cleaner.digest)") }
        configuration = subject.joined(separator: ", ")
        known = (file?.read()[configuration] ?? [:]).filter(\.value.isSound)
    }

    /// About how long, by what the processors can do at most: for what is over soon, or to see whether measuring pays.
    public func roughSeconds(_ cost: RestorationCost) -> Double { cost.seconds(limits, precision: model.options.precision) }

    /// Whether nothing needs to be measured for ``time(of:)``.
    public func isKnown(_ cost: RestorationCost) throws -> Bool {
        try cost.plan.parts.allSatisfy { part in try points(part, cost.plan).allSatisfy { known[ModelSpeeds.name(part, side: $0)] != nil } }
    }

    /// How long a restoration takes, but for reading and writing the photograph. What was not measured yet is measured now.
    public func time(of cost: RestorationCost) throws -> RestorationTime {
        var time = RestorationTime()
        for (part, memory) in zip(cost.plan.parts, cost.memory) where part.runs > 0 {
            var speed = try speed(part, cost.plan)
            speed.packingSeconds = memory.packingSeconds(speed.packingSeconds)
            let seconds = Double(part.runs) * speed.seconds
            switch part.phase {
            case .encodingText: time.once += seconds + speed.packingSeconds
            case .preparing, .sampling:
                time.each += seconds
                time.size += speed.packingSeconds
            case .encodingImage, .decoding: time.each += seconds + speed.packingSeconds
            }
            if part.phase == .decoding { time.decoding = seconds }
            if part.phase == .sampling { time.step += seconds / Double(max(cost.options.steps, 1)) }
        }
        let elements = Double(cost.latentElementCount)
        // Noise is drawn for two latents and the start, and then in each step.
        time.each += elements * (3 * noiseSeconds + Double(cost.options.steps) * stepSeconds) + Double(cost.pixelCount) * pixelSeconds
        time.each += Double(cost.peakByteCount) * touchSeconds
        if cost.options.tiled { time.each += cost.tiledElementCount * tileSeconds }
        return time
    }

    // MARK: Programs

    /// The sides of the square images at which a part is measured: the powers of two around its own size.
    private func points(_ part: RestorationPlan.Part, _ plan: RestorationPlan) throws -> [Int] {
        guard part.phase != .encodingText else { return [0] }
        let factor = model.configuration.latentFactor
        let size = plan.insideSize(factor: factor)
        let area = size.width * size.height
        var side = max(64, model.configuration.imageMultiple)
        while 4 * side * side <= area, try isQuick(part, 2 * side) { side *= 2 }
        return try side * side < area && isQuick(part, 2 * side) ? [side, 2 * side] : [side]
    }

    private func isQuick(_ part: RestorationPlan.Part, _ side: Int) throws -> Bool {
        let size = part.pixelCount
        // Attention grows faster, but nowhere near as far as to matter here.
        let operations = part.floatingPointOperations * Double(side * side) / Double(size)
        return operations / (1e9 * limit) < ModelSpeeds.longestMeasurement
    }

    private static func name(_ part: RestorationPlan.Part, side: Int) -> String { side == 0 ? part.key.graph : "\(part.key.graph) \(side)" }

    private func speed(_ part: RestorationPlan.Part, _ plan: RestorationPlan) throws -> ProgramSpeed {
        let sides = try points(part, plan)
        let speeds = try sides.map { try measured(part, side: $0) }
        guard let first = speeds.first, let last = speeds.last else { preconditionFailure("no size to measure at") }
        var speed = last
        speed.operations = part.floatingPointOperations
        // Seconds for an operation, between the two sizes.
        let span = log(last.operations / first.operations)
        let share = span > 0 ? min(max(log(part.floatingPointOperations / first.operations) / span, 0), 1) : 1
        let (a, b) = (first.seconds / first.operations, last.seconds / last.operations)
        speed.seconds = last.drift(to: limit) * part.floatingPointOperations * (a > 0 && b > 0 ? exp((1 - share) * log(a) + share * log(b)) : b)
        return speed
    }

    private func measured(_ part: RestorationPlan.Part, side: Int) throws -> ProgramSpeed {
        let name = ModelSpeeds.name(part, side: side)
        if let speed = known[name] { return speed }
        var key = side == 0 ? part.key : try model.key(part.isStep ? "step" : part.key.graph, height: side, width: side)
        (key.graph, key.cut) = (part.key.graph, part.key.cut)
        key.strength = part.key.strength
        let start = ContinuousClock.now
        var speed = try logger.timed("measured \(name)") { try model.measureSpeed(model.stages(key).optimized) }
        speed.limit = limit
        spentOnPrograms += start.duration(to: .now) / .seconds(1)
        known[name] = speed
        // Models come and go.
        file?.add([configuration: known], mostSubjects: 100)
        return speed
    }

    // MARK: What is done between the programs

    /// Large enough that memory is as far away as it is for a photograph's latent.
    private static let side = 1024

    private func perNumber(_ name: String, _ body: () -> Void) -> Double {
        times.seconds(name) { min(MeasuredTimes.time(body), MeasuredTimes.time(body)) / Double(ModelSpeeds.side * ModelSpeeds.side) }
    }

    /// For a number of a latent.
    private var noiseSeconds: Double {
        perNumber("normal number") {
            var random = TorchGenerator(seed: 1)
            _ = random.randn(ModelSpeeds.side * ModelSpeeds.side)
        }
    }

    /// For a number of a latent, noise included.
    private var stepSeconds: Double {
        let latent = Tensor(TensorType(.float32, [1, 1, ModelSpeeds.side, ModelSpeeds.side]))
        guard let sampler = (try? NoiseSchedule(steps: 2)).map(SpacedSampler.init) else { return 0 }
        return perNumber("sampler's step") {
            var random = TorchGenerator(seed: 1)
            let estimate = sampler.estimate(latent, .noise, z: latent, step: 0)
            _ = sampler.step(latent, estimate: estimate, step: 0, random: &random)
        }
    }

    /// For a pixel: padding, cutting, colours.
    private var pixelSeconds: Double {
        let fixesColors = model.configuration.colorCorrection == .statistics
        let image = Tensor(TensorType(.float32, [1, 3, ModelSpeeds.side, ModelSpeeds.side]))
        return perNumber(fixesColors ? "pixel with colour correction" : "pixel") {
            let padded = Padding.padded(image, multiple: 64)
            var cut = Padding.crop(padded, height: ModelSpeeds.side, width: ModelSpeeds.side).map { ($0 + 1) / 2 }
            if fixesColors { ColorFix.apply(to: &cut, matching: image) }
        }
    }

    /// For a number of a tile: cutting it out, and blending what is made of it.
    private var tileSeconds: Double {
        let side = ModelSpeeds.side
        guard let tiles = try? TileWindows(height: side, width: side, tileSize: side, tileStride: side) else { return 0 }
        let image = Tensor(TensorType(.float32, [1, 1, side, side]))
        return perNumber("tile") {
            var blender = TileBlender(channels: 1, tiles: tiles)
            blender.add(image.cut(tiles.windows[0]), at: tiles.windows[0])
            _ = blender.blended()
        }
    }

    /// For a byte of memory that is touched for the first time.
    private var touchSeconds: Double {
        times.seconds("byte of new memory") {
            let count = 16 << 20
            return MeasuredTimes.time {
                _ = Tensor(TensorType(.float32, [count])) { (floats: UnsafeMutableBufferPointer<Float>) in
                    for index in stride(from: 0, to: floats.count, by: 1024) { floats[index] = 1 }
                }
            } / Double(4 * count)
        }
    }
}

/// Seconds of a restoration, by how often they are spent.
public struct RestorationTime: Hashable, Sendable {
    /// For all photographs together: the prompts.
    public var once = 0.0
    /// Where the size is another than that of the photograph before: the denoiser's weights.
    public var size = 0.0
    /// For each photograph.
    public var each = 0.0
    /// Of these, one step of the sampler.
    public var step = 0.0
    /// Of these, the decoder; a preview takes as long.
    public var decoding = 0.0

    public init(each: Double = 0) { self.each = each }

    /// Of a photograph that is restored alone.
    public var alone: Double { once + size + each }
}
