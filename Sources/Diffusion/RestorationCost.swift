import Foundation
import GraphIR
import GraphPasses
import GraphRuntime
import Tensors

/// What a restoration takes, from the plans of its programs.
public struct RestorationCost: Sendable {
    /// Runs of one program.
    public struct Phase: Sendable {
        public enum Kind: Sendable { case text, encoding, preparation, step, decoding }

        public let kind: Kind
        public let runs: Int
        /// Of one run.
        public let floatingPointOperations: Double
        /// Weights as the kernels read them.
        public let weightByteCount: Int
        public let arenaByteCount: Int
    }

    /// In order.
    public let phases: [Phase]
    /// The most memory that is taken at a time, but for the program itself and files that are mapped.
    public let peakByteCount: Int

    public var floatingPointOperations: Double { phases.reduce(0) { $0 + Double($1.runs) * $1.floatingPointOperations } }

    init(_ phases: [Phase], imageByteCount: Int) {
        self.phases = phases
        var (arena, peak) = (0, 0)
        for phase in phases {
            // The arena is kept from program to program. The step's weights are there already while its conditions are prepared.
            arena = max(arena, phase.arenaByteCount)
            let others = phase.kind == .preparation ? phases.first { $0.kind == .step }?.weightByteCount ?? 0 : 0
            peak = max(peak, arena + phase.weightByteCount + others)
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
    /// Plans a restoration without running anything. Takes about as long as making the programs, less the arranging of weights.
    public func cost(of options: RestorationOptions, height: Int, width: Int) throws -> RestorationCost {
        let factor = configuration.latentFactor
        let (high, wide) = (paddedLength(height), paddedLength(width))
        let (tileSize, tileStride) = options.tiled ? (options.tileSize / factor, options.tileStride / factor) : (Int.max, 1)
        let tiles = try TileWindows(height: high / factor, width: wide / factor, tileSize: tileSize, tileStride: tileStride)
        let count = tiles.windows.count
        let (h, w) = (tiles.tileHeight, tiles.tileWidth)
        let guided = options.guidanceScale == 1 ? 1 : 2

        func phase(_ kind: RestorationCost.Phase.Kind, _ graph: Graph, runs: Int) throws -> RestorationCost.Phase {
            var planning = self.options
            planning.arrangesWeights = false
            let store = ParameterStore(source: ModelFileParameters(file: file), pool: planning.pool, arranges: false)
            let program = try Program(graph, parameters: store, options: planning)
            return RestorationCost.Phase(
                kind: kind, runs: runs, floatingPointOperations: Double(graph.floatingPointOperations), weightByteCount: store.arrangedByteCount,
                arenaByteCount: program.plan.arenaByteCount)
        }
        func image(_ network: String, _ input: String, _ h: Int, _ w: Int) -> [String: TensorType] {
            let graph = graphs[network]!
            var type = graph.type(graph.input(input)!)
            (type.shape[2], type.shape[3]) = (h, w)
            return [input: type]
        }
        let text = graphs["text_encoder"]!
        let step = try optimizedStep(height: h, width: w, strength: options.strength)
        let encodings = count * (options.betterStart ? 2 : 1) + (options.restorationGuidance == nil ? 0 : 1)
        // Input and output of 8 bits, and four images of floats.
        let imageByteCount = 3 * high * wide * (2 + 4 * 4)
        return RestorationCost(
            [
                try phase(.text, optimized("text_encoder", inputs: ["tokens": text.type(text.input("tokens")!)]), runs: guided),
                try phase(.encoding, optimized("vae_encoder", inputs: image("vae_encoder", "image", h * factor, w * factor)), runs: encodings),
                try phase(.preparation, step.prologue, runs: count * guided),
                try phase(.step, step.step, runs: options.steps * count * guided),
                try phase(.decoding, optimized("vae_decoder", inputs: image("vae_decoder", "latent", h, w)), runs: count),
            ], imageByteCount: imageByteCount)
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
            advice.append("A smaller --tile-size takes less.")
        } else if options.restorationGuidance == nil {
            var tiled = options
            tiled.tiled = true
            let bounded = try self.cost(of: tiled, height: height, width: width).peakByteCount
            if bounded < cost.peakByteCount { advice.append("With --tiled it takes about \(RestorationCost.text(bounded)).") }
        }
        if self.options.precision == .float32 { advice.append("--precision bfloat16 halves the memory for weights.") }
        if self.options.memory == .standard { advice.append("--memory lean takes less for weights.") }
        throw InputError(
            "\(width) x \(height) pixels take about \(RestorationCost.text(cost.peakByteCount)) of memory, and there are \(RestorationCost.text(available))",
            advice: advice.joined(separator: " "))
    }
}

extension RestorationCost {
    fileprivate static func text(_ byteCount: Int) -> String {
        byteCount < 1_000_000_000 ? "\(byteCount / 1_000_000) MB" : String(format: "%.1f GB", Double(byteCount) / 1e9)
    }
}
