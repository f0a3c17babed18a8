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

    /// The same if no program had an arena.
    private let byteCountWithoutArena: Int

    /// What arenas may take for a peak of no more than a limit.
    fileprivate func arenaLimit(for limit: Int) -> Int { limit - byteCountWithoutArena }

    init(
        _ plan: RestorationPlan, _ options: RestorationOptions, memory: [Memory], latent: TensorType, pixelCount: Int, imageByteCount: Int,
        keepsDenoiser: Bool, arenaLimit: Int?
    ) {
        self.arenaLimit = arenaLimit
        self.plan = plan
        self.options = options
        self.pixelCount = pixelCount
        latentElementCount = latent.elementCount
        self.memory = memory
        peakByteCount = imageByteCount + RestorationCost.peak(plan, memory, keepsDenoiser: keepsDenoiser, arena: \.arenaByteCount)
        byteCountWithoutArena = imageByteCount + RestorationCost.peak(plan, memory, keepsDenoiser: keepsDenoiser) { _ in 0 }
    }

    private static func peak(_ plan: RestorationPlan, _ memory: [Memory], keepsDenoiser: Bool, arena arenaByteCount: (Memory) -> Int) -> Int {
        let step = zip(plan.parts, memory).first { $0.0.phase == .sampling }?.1.weightByteCount ?? 0
        var (arena, peak) = (keepsDenoiser ? memory.map(arenaByteCount).max() ?? 0 : 0, 0)
        var prepared = 0
        for (part, memory) in zip(plan.parts, memory) {
            // The arena is kept from program to program. The step's weights are there already while its conditions are prepared.
            arena = max(arena, arenaByteCount(memory))
            let hasStep = part.phase == .preparing || keepsDenoiser && part.phase != .sampling
            // What is prepared for each tile stays until the last step.
            if part.phase == .preparing { prepared = part.runs * memory.outputByteCount }
            peak = max(peak, arena + memory.weightByteCount + (hasStep ? step : 0) + ([.preparing, .sampling].contains(part.phase) ? prepared : 0))
        }
        return peak
    }

    /// About how long it takes on processors that reach these limits. Fast convolutions take fewer operations than are counted, other
    /// kernels stay below the limit; together they come near it.
    public func seconds(_ limits: MachineLimits, precision: Precision) -> Double {
        floatingPointOperations / (1e9 * max(limits.limit(precision), 0.1))
    }
}

extension DeblurDiffModel {
    /// Plans a restoration and the memory of its programs. Nothing runs and no weight is read.
    ///
    /// - Parameters:
    ///   - sampleByteCount: bytes of the photograph's pixels, as they are in memory; without, three of 8 bits.
    ///   - keepsDenoiser: for one of several photographs, between which the denoiser's weights stay.
    ///   - arenaLimit: what each program's arena may take; larger ones run strip by strip, to the same bits.
    public func cost(
        of options: RestorationOptions, height: Int, width: Int, sampleByteCount: Int? = nil, keepsDenoiser: Bool = false, arenaLimit: Int? = nil
    ) throws -> RestorationCost {
        var plan = try plan(of: options, height: height, width: width)
        let memory = try plan.parts.indices.map { index in
            let graph = try stages(plan.parts[index].key).optimized
            let program = try self.plan(graph, arenaLimit: arenaLimit)
            plan.parts[index].floatingPointOperations = Double(program.floatingPointOperations)
            return RestorationCost.Memory(
                weightByteCount: program.packedByteCount, arenaByteCount: program.memory.arenaByteCount,
                outputByteCount: graph.outputs.reduce(0) { $0 + graph.type($1.value).byteCount })
        }
        // The photograph, its result and what is written of it; and four images of floats.
        let imageByteCount = 3 * (sampleByteCount ?? 3 * height * width) + 3 * 4 * 4 * paddedLength(height) * paddedLength(width)
        // Moments, two conditions, and what a step of the sampler reads and makes.
        let latent = latentType(ofImage: height, width)
        return RestorationCost(
            plan, options, memory: memory, latent: latent, pixelCount: height * width,
            imageByteCount: imageByteCount + 8 * latent.byteCount,
            keepsDenoiser: keepsDenoiser, arenaLimit: arenaLimit)
    }

    /// What a restoration takes in the memory that there is: in strips where it does not fit without, and more than there is where nothing fits.
    public func fittingCost(
        of options: RestorationOptions, height: Int, width: Int, sampleByteCount: Int? = nil, keepsDenoiser: Bool = false, available: Int
    ) throws -> RestorationCost {
        func cost(_ arenaLimit: Int?) throws -> RestorationCost {
            try self.cost(
                of: options, height: height, width: width, sampleByteCount: sampleByteCount, keepsDenoiser: keepsDenoiser, arenaLimit: arenaLimit)
        }
        let whole = try cost(nil)
        let arena = whole.arenaLimit(for: available)
        guard whole.peakByteCount > available, arena > 0 else { return whole }
        do { return try cost(arena) } catch is InputError { return whole }
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
            "\(width) x \(height) pixels take about \(Units.bytes(cost.peakByteCount)) of memory, and there are \(Units.bytes(available))",
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
