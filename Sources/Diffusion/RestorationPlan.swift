import GraphIR
import Tensors

extension Restorer {
    /// What the restoration of an image of this size will compute, phase by phase, tiles counted.
    ///
    /// - Throws: ``InputError`` where the networks cannot take the size.
    public func plannedWork(height: Int, width: Int) throws -> RestorationWork {
        let factor = model.configuration.latentFactor
        let (h, w) = (model.paddedLength(height) / factor, model.paddedLength(width) / factor)
        let tiles = try latentTiles(height: h, width: w)
        let (tileHeight, tileWidth) = (tiles.tileHeight * factor, tiles.tileWidth * factor)
        func part(_ name: String, runs: Int) throws -> RestorationWork.Part {
            guard runs > 0 else { return RestorationWork.Part() }
            let size = try model.size(of: name, height: tileHeight, width: tileWidth)
            return RestorationWork.Part(operationsPerRun: size.operations, runs: runs, weightBytes: size.weightBytes)
        }
        let encodings = tiles.windows.count * (options.betterStart ? 2 : 1) + (options.restorationGuidance == nil ? 0 : 1)
        var step = try part("step", runs: tiles.windows.count * (isGuided ? 2 : 1) * options.steps)
        let isReady = denoiser?.shape == [1, model.configuration.latentChannels, tiles.tileHeight, tiles.tileWidth]
        let preparation = RestorationWork.Part(weightBytes: isReady ? 0 : step.weightBytes)
        step.weightBytes = 0
        return RestorationWork(parts: [
            .encodingText: try part("text_encoder", runs: newPrompts.count), .encodingImage: try part("vae_encoder", runs: encodings),
            .preparing: preparation, .sampling: step, .decoding: try part("vae_decoder", runs: tiles.windows.count),
        ])
    }
}

extension DeblurDiffModel {
    /// Operations of one run of a graph as it is imported, for images of a size, and bytes of its parameters in float32.
    func size(of name: String, height: Int, width: Int) throws -> (operations: Double, weightBytes: Int) {
        let graph = try imported(name, height: height, width: width)
        return (Double(graph.floatingPointOperations), graph.parameters.reduce(0) { $0 + graph.type($1).byteCount })
    }
}
