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
    /// What each program's arena may take, where some of them run strip by strip.
    public let arenaLimit: Int?
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

    /// The same if no program had an arena.
    private let byteCountWithoutArena: Int

    /// What arenas may take for a peak of no more than a limit.
    fileprivate func arenaLimit(for limit: Int) -> Int { limit - byteCountWithoutArena }

    init(
        _ plan: RestorationPlan, _ options: RestorationOptions, memory: [Memory], latent: TensorType, pixelCount: Int, photoByteCount: Int,
        planesByteCount: Int, keepsDenoiser: Bool, arenaLimit: Int?
    ) {
        self.arenaLimit = arenaLimit
        self.plan = plan
        self.options = options
        self.pixelCount = pixelCount
        let latentCount = latent.elementCount
        latentElementCount = latentCount
        self.memory = memory
        func peak(_ arena: (Memory) -> Int) -> Int {
            photoByteCount
                + RestorationCost.peak(plan, memory, keepsDenoiser: keepsDenoiser, arena: arena) {
                    RestorationCost.tensorByteCount(
                        $0, options, image: planesByteCount, latent: 4 * latentCount, tiles: options.tiled ? plan.tileCount * plan.condition.byteCount : 0)
                }
        }
        peakByteCount = peak(\.arenaByteCount)
        byteCountWithoutArena = peak { _ in 0 }
    }

    /// What a phase holds of images and latents, beside its program's arena.
    ///
    /// - `tiles`: of all tiles' latents, which overlap; 0 without tiles.
    private static func tensorByteCount(
        _ phase: RestorationProgress.Phase, _ options: RestorationOptions, image: Int, latent: Int, tiles: Int
    ) -> Int {
        // The photograph's planes, padded as well, and the start stay. With guidance there is another condition, and two moments.
        // Guidance in RGB has the photograph in -1...1 and a weight a pixel.
        let guide = options.restorationGuidance.map { $0.space == .latent ? 2 * latent : image + image / 3 } ?? 0
        let kept = 2 * image + (1 + (options.isGuided ? 1 : 0)) * latent + guide
        // Each tile's part of the condition, until the last step.
        let conditions = (options.isGuided ? 2 : 1) * tiles
        return switch phase {
        case .encodingText: kept
        // Low frequencies; two moments and a latent of them.
        case .encodingImage: kept + (options.betterStart ? image : 0) + 3 * latent
        case .preparing: kept + 2 * latent + conditions
        // The condition, and what a step of the sampler reads, makes and remembers, with guidance from two predictions.
        case .sampling:
            kept + ([.spaced, .ddim].contains(options.sampler) ? 4 : 7) * latent + (options.isGuided ? 2 * latent : 0) + conditions
                + (options.schedule.map(StepPlan.historyCount) ?? 0) * latent
        // What is decoded and its part of the photograph's size; with tiles the sum of their weights, a plane.
        case .decoding: kept + 2 * image + 2 * latent + (options.tiled ? image / 3 : 0)
        }
    }

    private static func peak(
        _ plan: RestorationPlan, _ memory: [Memory], keepsDenoiser: Bool, arena arenaByteCount: (Memory) -> Int,
        tensors: (RestorationProgress.Phase) -> Int
    ) -> Int {
        let step = zip(plan.parts, memory).reduce(0) { $1.0.isStep ? $0 + $1.1.weightByteCount : $0 }
        // What stages put out at a step, where it is cut, and what is kept from step to step.
        let stages = zip(plan.parts, memory).filter(\.0.isStep)
        let passed = stages.count > 1 ? stages.reduce(0) { $0 + $1.1.outputByteCount + $1.0.keptByteCount } : 0
        var (arena, peak) = (keepsDenoiser ? memory.map(arenaByteCount).max() ?? 0 : 0, 0)
        var prepared = 0
        for (part, memory) in zip(plan.parts, memory) {
            // The arena is kept from program to program. The step's weights are there already while its conditions are prepared.
            arena = max(arena, arenaByteCount(memory))
            let hasStep = part.isStep || keepsDenoiser || [.preparing, .sampling].contains(part.phase)
            // What is prepared for each tile stays until the last step.
            if part.phase == .preparing { prepared = part.runs * memory.outputByteCount }
            // A tile's result, their sum, and what is made of that.
            let cleaned = part.key.graph == Cleaner.graphName ? (2 * part.runs + 1) * memory.outputByteCount : 0
            peak = max(
                peak,
                tensors(part.phase) + cleaned + arena + (part.isStep ? 0 : memory.weightByteCount) + (hasStep ? step : 0)
                    + ([.preparing, .sampling].contains(part.phase) ? prepared : 0) + (part.phase == .sampling ? passed : 0))
        }
        return peak
    }

    /// About how long it takes on processors that reach these limits. Fast convolutions take fewer operations than are counted, other
    /// kernels stay below the limit; together they come near it. Weights are packed before.
    public func seconds(_ limits: MachineLimits, precision: Precision) -> Double {
        // Products on tile registers are so fast that all else, and memory, is most of the time.
        let rate = min(limits.limit(precision), 4 * limits.float32)
        return floatingPointOperations / (1e9 * max(rate, 0.1)) + memory.reduce(0) { $0 + $1.packingSeconds() }
    }
}

extension DeblurDiffModel {
    /// Plans a restoration and the memory of its programs. Nothing runs and no weight is read.
    ///
    /// - `sampleByteCount`: bytes of the photograph's pixels, as they are in memory; without, three of 8 bits.
    /// - `keepsDenoiser`: for one of several photographs, between which the denoiser's weights stay.
    /// - `arenaLimit`: what each program's arena may take; larger ones run strip by strip, to the same bits.
    public func cost(
        of options: RestorationOptions, height: Int, width: Int, sampleByteCount: Int? = nil, keepsDenoiser: Bool = false, arenaLimit: Int? = nil
    ) throws -> RestorationCost {
        var plan = try plan(of: options, height: height, width: width)
        let memory = try plan.parts.indices.map { index in
            var key = plan.parts[index].key
            key.arenaLimit = arenaLimit
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
            plan, options, memory: memory, latent: latentType(ofImage: height, width), pixelCount: height * width,
            photoByteCount: 3 * (sampleByteCount ?? 3 * height * width), planesByteCount: 3 * 4 * inside.height * inside.width,
            keepsDenoiser: keepsDenoiser, arenaLimit: arenaLimit)
    }

    /// What a restoration takes in the memory that there is: in strips where it does not fit without, and the least that it can where that does not fit either.
    public func fittingCost(
        of options: RestorationOptions, height: Int, width: Int, sampleByteCount: Int? = nil, keepsDenoiser: Bool = false, available: Int
    ) throws -> RestorationCost {
        func cost(_ arenaLimit: Int?) throws -> RestorationCost {
            try self.cost(
                of: options, height: height, width: width, sampleByteCount: sampleByteCount, keepsDenoiser: keepsDenoiser, arenaLimit: arenaLimit)
        }
        let whole = try cost(nil)
        guard whole.peakByteCount > available else { return whole }
        let arena = whole.arenaLimit(for: available)
        if arena > 0, let fitting = try? cost(arena) { return fitting }
        var options = self.options
        options.chooser.tunes = false
        let least = try whole.plan.parts.map {
            try ProgramPlan.leastArenaByteCount(stages($0.key).optimized, parameters: parameters, options: options)
        }
        return (try? cost(least.max()!)) ?? whole
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
