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
        /// Whether the weights were packed by another process, and are mapped.
        public let isPacked: Bool

        /// About how long packing takes, or reading what is packed.
        var packingSeconds: Double { Double(weightByteCount) * (isPacked ? 0.15e-9 : 2e-9) }
    }

    public let plan: RestorationPlan
    public let options: RestorationOptions
    /// Of the image.
    let pixelCount: Int
    /// Numbers in its latent.
    let latentElementCount: Int
    /// Of each of the plan's parts.
    public let memory: [Memory]
    /// The most memory that is taken at a time, but for the program itself and files that are mapped.
    public let peakByteCount: Int

    public var floatingPointOperations: Double { plan.floatingPointOperations }

    init(
        _ plan: RestorationPlan, _ options: RestorationOptions, memory: [Memory], latent: TensorType, pixelCount: Int, imageByteCount: Int,
        keepsDenoiser: Bool
    ) {
        self.plan = plan
        self.options = options
        self.pixelCount = pixelCount
        latentElementCount = latent.elementCount
        self.memory = memory
        let step = zip(plan.parts, memory).first { $0.0.phase == .sampling }?.1.weightByteCount ?? 0
        var (arena, peak) = (keepsDenoiser ? memory.map(\.arenaByteCount).max() ?? 0 : 0, 0)
        var prepared = 0
        for (part, memory) in zip(plan.parts, memory) {
            // The arena is kept from program to program. The step's weights are there already while its conditions are prepared.
            arena = max(arena, memory.arenaByteCount)
            let hasStep = part.phase == .preparing || keepsDenoiser && part.phase != .sampling
            // What is prepared for each tile stays until the last step.
            if part.phase == .preparing { prepared = part.runs * memory.outputByteCount }
            peak = max(peak, arena + memory.weightByteCount + (hasStep ? step : 0) + ([.preparing, .sampling].contains(part.phase) ? prepared : 0))
        }
        peakByteCount = peak + imageByteCount
    }

    /// About how long it takes on processors that reach these limits. Fast convolutions take fewer operations than are counted, other
    /// kernels stay below the limit; together they come near it. Weights are packed before.
    public func seconds(_ limits: MachineLimits, precision: Precision) -> Double {
        floatingPointOperations / (1e9 * max(limits.limit(precision), 0.1)) + memory.reduce(0) { $0 + $1.packingSeconds }
    }
}

extension DeblurDiffModel {
    /// Plans a restoration and the memory of its programs. Nothing runs and no weight is read.
    ///
    /// - `sampleByteCount`: bytes of the photograph's pixels, as they are in memory; without, three of 8 bits.
    /// - `keepsDenoiser`: for one of several photographs, between which the denoiser's weights stay.
    public func cost(
        of options: RestorationOptions, height: Int, width: Int, sampleByteCount: Int? = nil, keepsDenoiser: Bool = false
    ) throws -> RestorationCost {
        let plan = try plan(of: options, height: height, width: width)
        let memory = try plan.parts.map { part in
            let graph = try stages(part.key).optimized
            let plan = try self.plan(graph)
            return RestorationCost.Memory(
                weightByteCount: plan.packedByteCount, arenaByteCount: plan.memory.arenaByteCount,
                outputByteCount: graph.outputs.reduce(0) { $0 + graph.type($1.value).byteCount }, isPacked: plan.seemsKept)
        }
        // The photograph, its result and what is written of it; and four images of floats.
        let imageByteCount = 3 * (sampleByteCount ?? 3 * height * width) + 3 * 4 * 4 * paddedLength(height) * paddedLength(width)
        // Moments, two conditions, and what a step of the sampler reads and makes.
        let latent = latentType(ofImage: height, width)
        return RestorationCost(
            plan, options, memory: memory, latent: latent, pixelCount: height * width,
            imageByteCount: imageByteCount + 8 * latent.byteCount,
            keepsDenoiser: keepsDenoiser)
    }

    /// Throws where a restoration cannot fit into the memory that there is, and says what would.
    ///
    /// - Returns: what it takes.
    public func checkedCost(
        of options: RestorationOptions, height: Int, width: Int, sampleByteCount: Int? = nil, keepsDenoiser: Bool = false,
        available: Int = AvailableMemory.byteCount
    ) throws -> RestorationCost {
        let cost = try cost(of: options, height: height, width: width, sampleByteCount: sampleByteCount, keepsDenoiser: keepsDenoiser)
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
