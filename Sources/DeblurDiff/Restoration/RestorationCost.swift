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
    }

    public let plan: RestorationPlan
    /// Of each of the plan's parts.
    public let memory: [Memory]
    /// The most memory that is taken at a time, but for the program itself and files that are mapped.
    public let peakByteCount: Int

    public var floatingPointOperations: Double { plan.floatingPointOperations }

    init(_ plan: RestorationPlan, memory: [Memory], imageByteCount: Int) {
        self.plan = plan
        self.memory = memory
        let step = zip(plan.parts, memory).first { $0.0.phase == .sampling }?.1.weightByteCount ?? 0
        var (arena, peak) = (0, 0)
        for (part, memory) in zip(plan.parts, memory) {
            // The arena is kept from program to program. The step's weights are there already while its conditions are prepared.
            arena = max(arena, memory.arenaByteCount)
            peak = max(peak, arena + memory.weightByteCount + (part.phase == .preparing ? step : 0))
        }
        peakByteCount = peak + imageByteCount
    }

    /// About how long it takes on processors that reach these limits. Fast convolutions take fewer operations than are counted, other
    /// kernels stay below the limit; together they come near it.
    public func seconds(_ limits: MachineLimits, precision: Precision) -> Double {
        floatingPointOperations / (1e9 * max(limits.limit(precision), 0.1))
    }
}

extension DeblurDiffModel {
    /// Plans a restoration and the memory of its programs. Nothing runs and no weight is read.
    public func cost(of options: RestorationOptions, height: Int, width: Int) throws -> RestorationCost {
        let plan = try plan(of: options, height: height, width: width)
        let memory = try plan.parts.map { part in
            let plan = try self.plan(stages(part.key).optimized)
            return RestorationCost.Memory(weightByteCount: plan.packedByteCount, arenaByteCount: plan.memory.arenaByteCount)
        }
        // Input and output of 8 bits, and four images of floats.
        let imageByteCount = 3 * paddedLength(height) * paddedLength(width) * (2 + 4 * 4)
        return RestorationCost(plan, memory: memory, imageByteCount: imageByteCount)
    }

    /// Throws where a restoration cannot fit into the memory that there is, and says what would.
    ///
    /// - Returns: what it takes.
    public func checkedCost(
        of options: RestorationOptions, height: Int, width: Int, available: Int = AvailableMemory.byteCount
    ) throws -> RestorationCost {
        let cost = try cost(of: options, height: height, width: width)
        guard cost.peakByteCount > available else { return cost }
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
        throw InputError(
            "\(width) x \(height) pixels take about \(Units.bytes(cost.peakByteCount)) of memory, and there are \(Units.bytes(available))",
            advice: advice.joined(separator: " "))
    }
}
