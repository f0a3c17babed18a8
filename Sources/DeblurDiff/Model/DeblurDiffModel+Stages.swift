import Files
import GraphFile
import GraphIR
import GraphPasses
import GraphRuntime
import Tensors

/// The graphs that run, and that every command shows, come from here.
extension DeblurDiffModel {
    /// The graphs that can be looked at: the networks, and the denoising step with what is moved out of it.
    ///
    /// `prologue` runs once an image, `time_table` once a timestep, `step` each step; `epilogue` is the decoder.
    public static func stageNames(_ system: RestorationSystem = .released) -> [String] {
        DeblurDiffArchitecture.graphNames(system) + DenoisingStep.stageNames + ["epilogue"]
    }

    public var graphNames: [String] { (cleaner == nil ? [] : [Cleaner.graphName]) + Self.stageNames(configuration.system) }

    /// The next length that the networks take.
    public func paddedLength(_ length: Int) -> Int { Padding.paddedLength(length, multiple: configuration.imageMultiple) }

    /// A latent of an image whose sides are padded.
    func latentType(height: Int, width: Int) -> TensorType {
        let factor = configuration.latentFactor
        return TensorType(.float32, [1, configuration.latentChannels, height / factor, width / factor])
    }

    /// What the networks see of a photograph: as large as the model asks for, and padded.
    public func insideSize(height: Int, width: Int) -> (height: Int, width: Int) {
        let size = configuration.workingSize(height: height, width: width)
        return (paddedLength(size.height), paddedLength(size.width))
    }

    /// The latent of an image, padded as the networks need it: float32 [1, C, H, W].
    public func latentType(ofImage height: Int, _ width: Int) -> TensorType {
        let size = insideSize(height: height, width: width)
        return latentType(height: size.height, width: size.width)
    }

    public func stages(of name: String, height: Int, width: Int) throws -> GraphStages { try stages(key(name, height: height, width: width)) }

    /// What a graph is made from for images of a size in pixels.
    func key(_ name: String, height: Int, width: Int) throws -> ProgramCache.Key {
        if name == Cleaner.graphName, let cleaner {
            let tiles = try cleaner.tiles(height: height, width: width)
            return ProgramCache.Key(graph: name, inputs: ["image": TensorType(.float32, [1, 3, tiles.tileHeight, tiles.tileWidth])])
        }
        let (height, width) = (paddedLength(height), paddedLength(width))
        if name == "epilogue" { return try key("vae_decoder", height: height, width: width) }
        if DenoisingStep.stageNames.contains(name) { return ProgramCache.Key(graph: name, inputs: ["z": latentType(height: height, width: width)]) }
        if name == GuidanceGraph.name {
            let decoder = try graphs["vae_decoder"]!.specialized(key("vae_decoder", height: height, width: width).inputs)
            let graph = try GuidanceGraph.graph(decoder: decoder)
            return ProgramCache.Key(graph: name, inputs: Dictionary(uniqueKeysWithValues: graph.inputs.map { (graph[$0].name, graph.type($0)) }))
        }
        guard let graph = graphs[name] else {
            throw InputError("there is no graph '\(name)'", advice: "The graphs are: " + graphNames.joined(separator: ", "))
        }
        let (h, w) = (height / configuration.latentFactor, width / configuration.latentFactor)
        func resized(_ input: String, _ h: Int, _ w: Int) -> TensorType {
            var type = graph.type(graph.input(input)!)
            (type.shape[2], type.shape[3]) = (h, w)
            return type
        }
        // Pictures have the size in pixels, and all else with rows and columns is as large as the latent; but for the controls.
        var inputs: [String: TensorType] = [:]
        for id in graph.inputs where graph.type(id).shape.rank == 4 {
            let input = graph[id].name
            inputs[input] = ["image", "hint"].contains(input) ? resized(input, height, width) : resized(input, h, w)
        }
        if name == "unet" {
            let control = try graphs["control_net"]!.specialized(key("control_net", height: height, width: width).inputs)
            for output in control.outputs { inputs[output.name] = control.type(output.value) }
        }
        return ProgramCache.Key(graph: name, inputs: inputs)
    }

    /// A graph as it is imported and as it runs.
    func stages(_ key: ProgramCache.Key) throws -> GraphStages {
        try programs.graph(key) {
            let imported = try imported(key)
            guard DenoisingStep.isStage(key.graph) else {
                let result = try optimize(imported, level: optimization.level, options: optimization.pipeline)
                return GraphStages(imported: imported, optimized: result.graph, statistics: result.statistics, log: result.log)
            }
            let step = try optimizedStep(key)
            let optimized = step.graphs[key.graph]
            return GraphStages(
                imported: key.graph == "step" ? imported : optimized, optimized: optimized, statistics: step.statistics, log: step.log)
        }
    }

    /// The denoising step, cut by how often its parts must run.
    ///
    /// - Parameter key: of any of its stages.
    func optimizedStep(_ key: ProgramCache.Key) throws -> OptimizedStep {
        var key = key
        key.graph = "step"
        return try programs.step(key) {
            if let cut = key.cut {
                var whole = key
                whole.cut = nil
                var step = try optimizedStep(whole)
                step.graphs.stages.append(contentsOf: cut.split(step.graphs.stages.removeLast().graph))
                return step
            }
            return try optimizeStep(
                imported(key), hoisting: DenoisingStep.hoisting, leaving: key.savesMemory ? "c_img" : nil, level: optimization.level,
                options: optimization.pipeline)
        }
    }

    /// A network's graph, or that of the whole denoising step, as it is imported.
    func imported(_ key: ProgramCache.Key) throws -> Graph {
        if DenoisingStep.isStage(key.graph) {
            return try DenoisingStep.graph(
                graphs, system: configuration.system, latent: key.inputs["z"]!, latentFactor: configuration.latentFactor,
                parameterization: configuration.parameterization, strength: key.strength, outputs: key.outputs, without: without)
        }
        if key.graph == GuidanceGraph.name {
            return try GuidanceGraph.graph(decoder: graphs["vae_decoder"]!.specialized(["latent": key.inputs["latent"]!]))
        }
        if key.graph == Cleaner.graphName, let shape = key.inputs["image"]?.shape { return try cleaner!.graph(height: shape[2], width: shape[3]) }
        let graph = try graphs[key.graph]!.specialized(key.inputs)
        try ModelSignatures.checkOutputs(of: graph, key.graph, configuration: configuration)
        return graph
    }

    /// The output of a step from which the sampler goes on.
    var stepResult: String { DenoisingStep.result(configuration.parameterization) }

    /// The program of a graph, made at its first use. It stays in memory as long as somebody holds it.
    func program(_ key: ProgramCache.Key) throws -> Program {
        try programs.program(key) {
            let graph = try logger.timed("optimized \(key.graph)") { try stages(key).optimized }
            return try logger.timed("planned and packed \(key.graph)") {
                key.arenaLimit == nil || options.chooser.tunes ? try program(graph, arenaLimit: key.arenaLimit) : try plan(key).pack()
            }
        }
    }

    /// Packs the weights of all programs of a restoration, so that they are kept for later processes.
    ///
    /// - `told`: the name of each program, once it is packed.
    public func pack(_ options: RestorationOptions, height: Int, width: Int, told: (String) -> Void = { _ in }) throws {
        for part in try plan(of: options, height: height, width: width).parts {
            _ = try program(part.key)
            told(part.key.graph)
        }
    }

    /// How the program of a key will run, as far as can be told without timing kernels.
    func plan(_ key: ProgramCache.Key) throws -> ProgramPlan {
        let graph = try stages(key).optimized
        return key.arenaLimit == nil ? try plan(graph) : try programs.plan(key) { try plan(graph, arenaLimit: key.arenaLimit) }
    }

    /// The graph as it is after a pass has run for the first time.
    public func graph(_ name: String, after pass: String, height: Int, width: Int) throws -> Graph {
        let key = try key(name, height: height, width: width)
        return try PassSnapshot.take(after: pass, of: name, optimization) { options in
            if name == "step" {
                _ = try optimizeStep(imported(key), hoisting: DenoisingStep.hoisting, level: optimization.level, options: options)
            } else {
                _ = try optimize(stages(key).imported, level: optimization.level, options: options)
            }
        }
    }
}
