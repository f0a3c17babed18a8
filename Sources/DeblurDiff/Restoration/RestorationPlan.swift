import GraphIR
import GraphPasses
import Tensors

/// Which programs a restoration runs, and how often.
public struct RestorationPlan: Sendable {
    /// A program.
    public struct Part: Sendable {
        public let phase: RestorationProgress.Phase
        public let runs: Int
        /// Of one run, as the passes leave the graph; in the plan of a cost, with those that strips do again.
        public internal(set) var floatingPointOperations: Double
        /// Bytes of its parameters in float32.
        public let parameterByteCount: Int
        /// Of the image, or of a tile.
        let pixelCount: Int
        let key: ProgramCache.Key
        /// Bytes of what it puts out that are kept for steps at which it does not run.
        var keptByteCount = 0

        /// Whether it is the denoising step, or a part of it.
        var isStep: Bool { DenoisingStep.isRest(key.graph) }
    }

    /// In the order of the phases; restoration guidance in RGB is a second one of sampling.
    public internal(set) var parts: [Part]
    /// What the denoiser runs on: the image's latent, or a tile of it.
    let latent: TensorType
    /// What the step is told of that part of the photograph.
    let condition: TensorType
    /// 1 without tiles.
    public let tileCount: Int

    /// What the networks see of an image, or of a tile, in pixels.
    ///
    /// - Parameter factor: image pixels along a side of a latent position.
    public func insideSize(factor: Int) -> (width: Int, height: Int) { (latent.shape[3] * factor, latent.shape[2] * factor) }

    public var floatingPointOperations: Double { parts.reduce(0) { $0 + Double($1.runs) * $1.floatingPointOperations } }

    /// For progress.
    ///
    /// - Parameters:
    ///   - prompts: how many are encoded.
    ///   - preparesDenoiser: whether its weights must be read and packed.
    func work(prompts: Int, preparesDenoiser: Bool) -> RestorationWork {
        var work = RestorationWork()
        for part in parts {
            let runs = part.phase == .encodingText ? prompts : part.runs
            guard runs > 0 else { continue }
            // A phase with two programs runs one of their mean work.
            let known = work.parts[part.phase] ?? RestorationWork.Part()
            let operations = known.operationsPerRun * Double(known.runs) + part.floatingPointOperations * Double(runs)
            work.parts[part.phase] = RestorationWork.Part(
                operationsPerRun: operations / Double(known.runs + runs), runs: known.runs + runs, weightBytes: known.weightBytes + part.parameterByteCount)
        }
        // The weights of the step are packed before its conditions are prepared, which is over in no time.
        let step = work.parts[.sampling]?.weightBytes ?? 0
        work.parts[.preparing] = RestorationWork.Part(weightBytes: preparesDenoiser ? step : 0)
        work.parts[.sampling]?.weightBytes = 0
        return work
    }
}

extension DeblurDiffModel {
    /// What a cleaner sees of a photograph: before it is enlarged, where it enlarges itself.
    func cleanedTiles(_ cleaner: Cleaner, height: Int, width: Int) throws -> TileWindows {
        let size = cleaner.scale > 1 ? (height, width) : configuration.workingSize(height: height, width: width)
        return try cleaner.tiles(height: size.0, width: size.1)
    }

    /// Plans the restoration of an image of this size. Nothing runs and no weight is read.
    ///
    /// - Throws: an `InputError` where the networks cannot take the size.
    public func plan(of options: RestorationOptions, height: Int, width: Int) throws -> RestorationPlan {
        let factor = configuration.latentFactor
        let latent = latentType(ofImage: height, width)
        let tiles = try options.latentTiles(height: latent.shape[2], width: latent.shape[3], factor: factor)
        let (tileHeight, tileWidth) = (tiles.tileHeight * factor, tiles.tileWidth * factor)
        func part(
            _ phase: RestorationProgress.Phase, _ name: String, runs: Int, height: Int, width: Int, cut: CutStages? = nil
        ) throws -> RestorationPlan.Part {
            var key = try key(cut == nil ? name : "step", height: height, width: width)
            (key.graph, key.cut) = (cut == nil ? key.graph : name, cut)
            if DenoisingStep.isStage(name) { key.strength = options.strength }
            let graph = try stages(key).optimized
            return RestorationPlan.Part(
                phase: phase, runs: runs, floatingPointOperations: Double(graph.floatingPointOperations),
                parameterByteCount: graph.parameters.reduce(0) { $0 + graph.type($1).elementCount * 4 },
                pixelCount: height * width, key: key)
        }
        func part(_ phase: RestorationProgress.Phase, _ name: String, runs: Int, cut: CutStages? = nil) throws -> RestorationPlan.Part {
            try part(phase, name, runs: runs, height: tileHeight, width: tileWidth, cut: cut)
        }
        let (count, conditions) = (tiles.windows.count, options.isGuided ? 2 : 1)
        let coded = try options.autoencoderTiles(height: latent.shape[2], width: latent.shape[3], factor: factor)
        func codingPart(_ phase: RestorationProgress.Phase, _ name: String, runs: Int) throws -> RestorationPlan.Part {
            try part(phase, name, runs: runs, height: coded.tileHeight * factor, width: coded.tileWidth * factor)
        }
        let design = configuration.system.design
        // Of the condition, of the start, and of the photograph that guidance compares with.
        let encodings =
            coded.windows.count * ((design.condition == .pixels ? 0 : 1) + (options.betterStart && !design.startsFromCondition ? 1 : 0))
            + (options.restorationGuidance?.space == .latent ? 1 : 0)
        var parts = [try part(.encodingText, "text_encoder", runs: conditions)]
        if let cleaner {
            let tiles = try cleanedTiles(cleaner, height: height, width: width)
            parts.append(try part(.encodingImage, Cleaner.graphName, runs: tiles.windows.count, height: tiles.tileHeight, width: tiles.tileWidth))
        }
        if encodings > 0 { parts.append(try codingPart(.encodingImage, "vae_encoder", runs: encodings)) }
        parts.append(try part(.preparing, "prologue", runs: count * conditions))
        if let schedule = options.schedule {
            var key = try key("step", height: tileHeight, width: tileWidth)
            (key.strength, key.cut) = (options.strength, schedule.cut(configuration))
            for stage in try optimizedStep(key).graphs.stages where DenoisingStep.isRest(stage.name) {
                var part = try part(.sampling, stage.name, runs: schedule.runCount(stage: stage.name) * count * conditions, cut: key.cut)
                if schedule.keeps(stage: stage.name) {
                    part.keptByteCount = stage.graph.outputs.reduce(0) { $0 + stage.graph.type($1.value).byteCount } * count * conditions
                }
                parts.append(part)
            }
        } else {
            parts.append(try part(.sampling, "step", runs: options.steps * count * conditions))
        }
        if let guidance = options.restorationGuidance, guidance.space == .rgb {
            let runs = try options.sampler.make(options, configuration.process).timesteps.count(where: guidance.isActive) * guidance.repetitions
            if runs > 0 { parts.append(try part(.sampling, GuidanceGraph.name, runs: runs)) }
        }
        parts.append(try codingPart(.decoding, "vae_decoder", runs: coded.windows.count))
        let tile = TensorType(.float32, [1, latent.shape[1], tiles.tileHeight, tiles.tileWidth])
        return RestorationPlan(parts: parts, latent: tile, condition: design.condition.type(latent: tile, factor: factor), tileCount: count)
    }
}
