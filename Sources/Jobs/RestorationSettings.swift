import DeblurDiff
import Files
import GraphRuntime
import Images

/// All that is chosen for the restoration of photographs, beside the model.
public struct RestorationSettings: Sendable {
    public var restoration: RestorationOptions
    public var limits = ReadingLimits()
    public var writing = WritingOptions()
    /// Results have neither the photographs' metadata nor how they were made.
    public var stripsMetadata = false
    /// Results that are there are made anew.
    public var overwrites = false
    /// Photographs that are nearly sharp are not restored: their results are they themselves.
    public var onlyIfBlurred = false
    /// Where interrupted restorations are kept and gone on with; nil for neither.
    public var unfinished: UnfinishedStore?
    /// Seconds from one state that is kept to the next.
    public var secondsBetweenStates = 20.0
    /// The most memory to take, in bytes; nil for all that there is. Results do not depend on it.
    public var memoryLimit: Int?
    /// Pictures that explain a result, and where they go. They are of one photograph.
    public var views: [(view: any RestorationView, path: String)] = []
    /// Pictures on the way.
    public var preview: Preview?
    /// The program and its version, as results name it.
    public var program: String

    public struct Preview: Sendable {
        public var everySteps: Int
        public var isFast = false
        /// Where they go, one over the other; nil for beside the result, until that is written.
        public var path: String?
        /// Takes them in place of a file. What it throws ends the restoration.
        public var show: (@Sendable (_ job: PhotoJob, _ picture: Photo, _ step: Int) throws -> Void)?

        public init(everySteps: Int) { self.everySteps = everySteps }

        func path(for job: PhotoJob) -> String {
            if let path { return path }
            let name = FilePath.name(of: job.output)
            let stem = name.lastIndex(of: ".").map { name[..<$0] } ?? name[...]
            return FilePath.join(FilePath.folder(of: job.output), "\(stem.isEmpty ? name[...] : stem).preview.png")
        }
    }

    /// Whether a result that is there can be told from others, and is kept. The random numbers of ``SeedMode/once`` depend on the images before; and what has no metadata does
    /// not say how it was made, so that it must be remembered.
    public var keepsResults: Bool { restoration.seedMode == .each && !overwrites && (!stripsMetadata || unfinished != nil) }

    /// Bytes that a restoration may take now, beside the program itself.
    var availableByteCount: Int { min(AvailableMemory.byteCount, memoryLimit.map { $0 - Self.programByteCount } ?? .max) }

    /// What the program took before it restored anything.
    private static let programByteCount = ResidentMemory.byteCount ?? 0

    public init(restoration: RestorationOptions, program: String) {
        self.restoration = restoration
        self.program = program
    }

    /// How results are made with a model, as it is written into them. It has all that decides their bits.
    public func record(_ model: DeblurDiffModel, inputDigest: String, format: any WritableImageCodec, sample: Int = 0) -> RestorationRecord {
        let standard = RestorationOptions(defaultsOf: model.configuration)
        let chosen = restoration
        var options: [String] = []
        func add(_ name: String, _ value: some Any, if isNeeded: Bool) { if isNeeded { options.append("\(name) \(value)") } }
        func quoted(_ prompt: Prompt) -> String {
            switch prompt {
            case .text(let text): "'" + text.replacing("'", with: "'\\''") + "'"
            case .tokens(let ids): "\(ids)"
            }
        }
        if case .list = chosen.spacing {
            add("--timesteps", chosen.spacing.name, if: true)
        } else {
            add("--steps", chosen.steps, if: true)
            add("--spacing", chosen.spacing.name, if: chosen.spacing != standard.spacing)
        }
        add("--sampler", chosen.sampler.name, if: chosen.sampler != standard.sampler)
        if let eta = chosen.eta { add("--eta", eta, if: eta != chosen.sampler.standardEta) }
        let numbers = chosen.randomNumbers
        add("--rng", numbers.source.rawValue, if: numbers.source != .library)
        if let drawn = numbers.drawn { add("--rng-skip", drawn, if: true) }
        if let threads = numbers.deviceThreads { add("--cuda-device", threads, if: true) }
        add("--seed-mode", chosen.seedMode.rawValue, if: chosen.seedMode != numbers.source.seedMode)
        // The last of so many.
        add("--n-samples", sample + 1, if: sample > 0)
        add("--pos-prompt", quoted(chosen.positivePrompt), if: chosen.positivePrompt != standard.positivePrompt)
        add("--neg-prompt", quoted(chosen.negativePrompt), if: chosen.isGuided)
        add("--cfg-scale", chosen.guidanceScale, if: chosen.isGuided)
        if chosen.isGuided, chosen.rescalesGuidance { options.append("--rescale-cfg") }
        add("--strength", chosen.strength, if: chosen.strength != 1)
        add("--blend", chosen.blend, if: chosen.blend != 1)
        if chosen.betterStart { options.append("--better-start") }
        add("--noise-aug", chosen.conditionNoise, if: chosen.conditionNoise > 0)
        if let schedule = chosen.stepSchedule, !schedule.isExact { options.append("--step-schedule '\(schedule.json)'") }
        if chosen.tiled { options.append("--tiled --tile-size \(chosen.tileSize) --tile-stride \(chosen.tileStride)") }
        if chosen.tiled { add("--tile-blend", chosen.tileBlend.rawValue, if: chosen.tileBlend != .released) }
        if let guidance = chosen.restorationGuidance {
            options.append("--g-scale \(guidance.scale)")
            add("--g-space", guidance.space.rawValue, if: guidance.space != .latent)
            add("--g-loss", guidance.loss.rawValue, if: guidance.loss != RestorationGuidance.standardLoss(guidance.space))
            add("--g-start", guidance.start, if: guidance.start != 1001)
            add("--g-stop", guidance.stop, if: guidance.stop != -1)
            add("--g-repeat", guidance.repetitions, if: guidance.repetitions != 1)
        }
        add("--precision", model.options.precision.rawValue, if: model.options.precision != .float32)
        add("-O", model.optimization.level.name.dropFirst(), if: model.optimization.level != .standard)
        if let cleaner = model.cleaner { options.append("--cleaner \(cleaner.name) (\(cleaner.digest.prefix(16)))") }
        for part in model.without.map(\.rawValue).sorted() { options.append("--without \(part)") }
        for pass in model.optimization.pipeline.disabledPasses.sorted() { options.append("--disable \(pass)") }
        add("--memory", model.options.memory.rawValue, if: model.options.memory != .standard)
        add("--jpeg-quality", writing.quality, if: format.hasQuality && writing.quality != WritingOptions().quality)
        // Others round otherwise.
        options.append("--isa \(InstructionSet.current.rawValue)")
        return RestorationRecord(
            program: program, model: FilePath.name(of: model.file.path), modelDigest: model.file.digest, inputDigest: inputDigest,
            seed: chosen.seed & 0xffff_ffff, options: options.joined(separator: " "))
    }
}
