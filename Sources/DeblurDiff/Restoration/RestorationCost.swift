import Files
import GraphFile
import GraphIR
import GraphPasses
import GraphRuntime
import Tensors

/// What a restoration takes, from the plans of its programs.
public struct RestorationCost: Sendable {
    /// The memory of one program.
    public struct Memory: Sendable {
        /// Weights as the kernels read them.
        public let weightByteCount: Int
        public let arenaByteCount: Int
        /// What a run puts out.
        public let outputByteCount: Int
        /// Of the weights, those that are packed already, and are mapped.
        public let keptByteCount: Int

        /// About how long packing takes, and checking what is packed.
        ///
        /// - `whole`: seconds to pack all; without, a rough guess.
        func packingSeconds(_ whole: Double? = nil) -> Double {
            let share = weightByteCount == 0 ? 0 : Double(keptByteCount) / Double(weightByteCount)
            return (1 - share) * (whole ?? 2e-9 * Double(weightByteCount)) + 0.15e-9 * Double(keptByteCount)
        }
    }

    public let plan: RestorationPlan
    public let options: RestorationOptions
    /// Of the image.
    let pixelCount: Int
    /// Numbers in its latent.
    let latentElementCount: Int
    /// Of each of the plan's parts.
    public let memory: [Memory]
    /// What the programs' arenas may take, where some of them run strip by strip.
    public let arenaLimits: ArenaLimits?
    /// The most memory that is taken at a time, but for the program itself and files that are mapped.
    public let peakByteCount: Int

    public var floatingPointOperations: Double { plan.floatingPointOperations }

    /// Numbers that are cut out and blended, with tiles: of each step's latent, and of the image before and after.
    var tiledElementCount: Double {
        plan.parts.reduce(0) { sum, part in
            switch part.phase {
            case .sampling: sum + Double(part.runs * plan.latent.elementCount)
            case .encodingImage, .decoding: sum + Double(part.runs * 3 * part.pixelCount)
            case .encodingText, .preparing: sum
            }
        }
    }

    /// What there is beside the arena in each phase, at most.
    private let others: [RestorationProgress.Phase: Int]

    /// What arenas may take for a peak of no more than a limit; nil where there is no room for any.
    fileprivate func arenaLimits(for limit: Int) -> ArenaLimits? {
        let limits = others.mapValues { limit - $0 }
        return limits.values.allSatisfy { $0 > 0 } ? ArenaLimits(limits) : nil
    }

    init(
        _ plan: RestorationPlan, _ options: RestorationOptions, _ configuration: ModelConfiguration, memory: [Memory], latent: TensorType, pixelCount: Int,
        photoByteCount: Int, planesByteCount: Int, keepsDenoiser: Bool, arenaLimits: ArenaLimits?
    ) {
        self.arenaLimits = arenaLimits
        self.plan = plan
        self.options = options
        self.pixelCount = pixelCount
        let latentCount = latent.elementCount
        latentElementCount = latentCount
        self.memory = memory
        let others = RestorationCost.others(plan, memory, keepsDenoiser: keepsDenoiser) {
            photoByteCount
                + RestorationCost.tensorByteCount(
                    $0, options, configuration, image: planesByteCount, latent: 4 * latentCount,
                    tiles: options.tiled ? plan.tileCount * plan.condition.byteCount : 0)
        }
        self.others = Dictionary(zip(plan.parts.map(\.phase), others), uniquingKeysWith: max)
        // An arena is kept for the next program, unless memory is short, and for the next photograph.
        var (arena, peak) = (keepsDenoiser && arenaLimits == nil ? memory.map(\.arenaByteCount).max() ?? 0 : 0, 0)
        for (index, memory) in memory.enumerated() {
            let entersPhase = index == 0 || plan.parts[index].phase != plan.parts[index - 1].phase
            arena = max(arenaLimits != nil && entersPhase ? 0 : arena, memory.arenaByteCount)
            peak = max(peak, others[index] + arena)
        }
        peakByteCount = peak
    }

    /// What a phase holds of images and latents, beside its program's arena.
    ///
    /// - `tiles`: of all tiles' latents, which overlap; 0 without tiles.
    private static func tensorByteCount(
        _ phase: RestorationProgress.Phase, _ options: RestorationOptions, _ configuration: ModelConfiguration, image: Int, latent: Int, tiles: Int
    ) -> Int {
        // Guidance has other moments, or in RGB the photograph in -1...1 and a weight a pixel.
        let guide = options.restorationGuidance.map { $0.space == .latent ? 2 * latent : image + image / 3 } ?? 0
        let conditions = (options.isGuided ? 2 : 1) * latent
        // Each tile's part of the condition, until the last step.
        let parts = (options.isGuided ? 2 : 1) * tiles
        return switch phase {
        case .encodingText: image
        // The photograph's planes and the padded ones; then these, two moments and latents; the same of low frequencies.
        case .encodingImage:
            max(image, 2 * latent + conditions) + (configuration.system.design.encodesSigned ? 2 : 1) * image + guide
                + (options.betterStart ? image + 2 * latent : 0)
        case .preparing: conditions + latent + guide + parts
        // The condition, and what a step of the sampler reads, makes and remembers, with guidance from two predictions.
        case .sampling:
            conditions + ([.spaced: 3, .ddim: 4][options.sampler] ?? 7) * latent + (options.isGuided ? latent : 0) + guide + parts
                + (options.schedule.map(StepPlan.historyCount) ?? 0) * latent
        // What is decoded and its part of the photograph's size, or the photograph for its colours, and low frequencies of both; with tiles the sum of their weights, a plane.
        case .decoding: latent + (options.correction(configuration) == .wavelet ? 4 : 2) * image + (options.tiled ? image / 3 : 0)
        }
    }

    /// What there is beside each part's arena.
    private static func others(_ plan: RestorationPlan, _ memory: [Memory], keepsDenoiser: Bool, tensors: (RestorationProgress.Phase) -> Int) -> [Int] {
        let step = zip(plan.parts, memory).reduce(0) { $1.0.isStep ? $0 + $1.1.weightByteCount : $0 }
        // What stages put out at a step, where it is cut, and what is kept from step to step.
        let stages = zip(plan.parts, memory).filter(\.0.isStep)
        let passed = stages.count > 1 ? stages.reduce(0) { $0 + $1.1.outputByteCount + $1.0.keptByteCount } : 0
        var prepared = 0
        return zip(plan.parts, memory).map { part, memory in
            // The step's weights are there already while its conditions are prepared.
            let hasStep = part.isStep || keepsDenoiser || [.preparing, .sampling].contains(part.phase)
            // What is prepared for each tile stays until the last step.
            if part.phase == .preparing { prepared = part.runs * memory.outputByteCount }
            // A tile's result, their sum, and what is made of that.
            let cleaned = part.key.graph == Cleaner.graphName ? (2 * part.runs + 1) * memory.outputByteCount : 0
            return tensors(part.phase) + cleaned + (part.isStep ? 0 : memory.weightByteCount) + (hasStep ? step : 0)
                + ([.preparing, .sampling].contains(part.phase) ? prepared : 0) + (part.phase == .sampling ? passed : 0)
        }
    }

    /// About how long it takes on processors that reach these limits. Weights are packed before.
    public func seconds(_ limits: MachineLimits, precision: Precision) -> Double {
        limits.seconds(floatingPointOperations, precision) + memory.reduce(0) { $0 + $1.packingSeconds() }
    }
}

extension DeblurDiffModel {
    /// Plans a restoration and the memory of its programs. Nothing runs and no weight is read.
    ///
    /// - `sampleByteCount`: bytes of the photograph's pixels, as they are in memory; without, three of 8 bits.
    /// - `keepsDenoiser`: for one of several photographs, between which the denoiser's weights stay.
    /// - `arenaLimits`: what the programs' arenas may take; larger ones run strip by strip, to the same bits.
    public func cost(
        of options: RestorationOptions, height: Int, width: Int, sampleByteCount: Int? = nil, keepsDenoiser: Bool = false, arenaLimits: ArenaLimits? = nil
    ) throws -> RestorationCost {
        var plan = try plan(of: options, height: height, width: width)
        let memory = try plan.parts.indices.map { index in
            var key = plan.parts[index].key
            key.arenaLimit = arenaLimits?[plan.parts[index].phase]
            let program = try self.plan(key)
            let graph = program.graph
            plan.parts[index].floatingPointOperations = Double(program.floatingPointOperations)
            return RestorationCost.Memory(
                weightByteCount: program.packedByteCount, arenaByteCount: program.memory.arenaByteCount,
                outputByteCount: graph.outputs.reduce(0) { $0 + graph.type($1.value).byteCount }, keptByteCount: program.keptByteCount)
        }
        let inside = insideSize(height: height, width: width)
        // The photograph, its result and what is written of it.
        return RestorationCost(
            plan, options, configuration, memory: memory, latent: latentType(ofImage: height, width), pixelCount: height * width,
            photoByteCount: 3 * (sampleByteCount ?? 3 * height * width), planesByteCount: 3 * 4 * inside.height * inside.width,
            keepsDenoiser: keepsDenoiser, arenaLimits: arenaLimits)
    }

    /// What a restoration takes in the memory that there is: in strips where it does not fit without, and the least that it can where that does not fit either.
    public func fittingCost(
        of options: RestorationOptions, height: Int, width: Int, sampleByteCount: Int? = nil, keepsDenoiser: Bool = false, available: Int
    ) throws -> RestorationCost {
        func cost(_ arenaLimits: ArenaLimits?) throws -> RestorationCost {
            try self.cost(
                of: options, height: height, width: width, sampleByteCount: sampleByteCount, keepsDenoiser: keepsDenoiser, arenaLimits: arenaLimits)
        }
        let whole = try cost(nil)
        guard whole.peakByteCount > available else { return whole }
        // With as much as they would take, programs keep less between each other all the same.
        let saving = try cost(ArenaLimits([:]))
        if let limits = saving.arenaLimits(for: available), let fitting = try? cost(limits) { return fitting }
        var options = self.options
        options.chooser.tunes = false
        var least: [RestorationProgress.Phase: Int] = [:]
        for part in whole.plan.parts {
            var key = part.key
            key.arenaLimit = 0
            // The denoiser's programs are made together, with one limit.
            let phase = part.phase == .preparing ? .sampling : part.phase
            least[phase] = max(
                try ProgramPlan.leastArenaByteCount(stages(key).optimized, parameters: parameters, options: options), least[phase] ?? 0)
        }
        return (try? cost(ArenaLimits(least))) ?? whole
    }

    /// Throws where a restoration cannot fit into the memory that there is, and says what would.
    ///
    /// - Returns: what it takes, in strips where it does not fit without.
    public func checkedCost(
        of options: RestorationOptions, height: Int, width: Int, sampleByteCount: Int? = nil, keepsDenoiser: Bool = false,
        available: Int = AvailableMemory.byteCount
    ) throws -> RestorationCost {
        let cost = try fittingCost(
            of: options, height: height, width: width, sampleByteCount: sampleByteCount, keepsDenoiser: keepsDenoiser, available: available)
        guard cost.peakByteCount > available else { return cost }
        throw InputError(
            "\(width) x \(height) pixels take at least \(Units.bytes(cost.peakByteCount)) of memory, and there are \(Units.bytes(available))",
            advice: try adviceOnMemory(cost, height: height, width: width))
    }

    /// What takes less memory, in sentences.
    public func adviceOnMemory(_ cost: RestorationCost, height: Int, width: Int) throws -> String {
        let options = cost.options
        var advice: [String] = []
        if options.tiled {
            advice.append("A smaller `tileSize` takes less.")
        } else if options.restorationGuidance == nil {
            var tiled = options
            tiled.tiled = true
            let bounded = try self.cost(of: tiled, height: height, width: width).peakByteCount
            if bounded < cost.peakByteCount { advice.append("With `tiled` it takes about \(Units.bytes(bounded)).") }
        }
        if self.options.precision == .float32 { advice.append("`precision` int16 halves the memory for weights.") }
        if self.options.memory == .standard { advice.append("`memory` lean takes less for weights.") }
        return advice.joined(separator: " ")
    }
}
