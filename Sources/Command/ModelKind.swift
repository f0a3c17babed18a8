import DeblurDiff
import GraphFile
import GraphIR
import GraphPasses
import GraphRuntime

/// What the commands ask of a kind of model: of a family that has code of its own, or of graphs that have none. A new family is a value and a line in ``families``.
struct ModelKind: Sendable {
    /// The graphs, checked to be what the family needs.
    var graphs: @Sendable (ModelFile) throws -> [String: Graph]
    var open: @Sendable (ModelFile, RuntimeOptions, OptimizationOptions) throws -> any StagedModel
    /// The programs whose size follows an image, as `inspect --size` plans them; none where the graphs' sizes are fixed.
    var sizedPrograms: [String] = []
    /// The graphs that `inspect` shows, in this order; nil: all, by name.
    var shownGraphs: (@Sendable (ModelFile) throws -> [String])?
    /// What `inspect` says of a model that restores photographs.
    var restoration: @Sendable (ModelFile) throws -> ModelDescription.Restoration? = { _ in nil }

    /// By the family's name in a file.
    static let families = [DeblurDiffModel.family: deblurDiff]

    static let deblurDiff = ModelKind(
        graphs: { try DeblurDiffModel.graphs(in: $0) },
        open: { try DeblurDiffModel(file: $0, options: $1, optimization: $2) },
        sizedPrograms: ModelBenchmark.programs,
        shownGraphs: { DeblurDiffArchitecture.graphNames(try DeblurDiffModel.configuration(of: $0).system) },
        restoration: { file in
            let configuration = try DeblurDiffModel.configuration(of: file)
            return ModelDescription.Restoration(
                vocabulary: file.family?.texts.isEmpty == false, imageMultiple: configuration.imageMultiple, latentFactor: configuration.latentFactor,
                steps: RestorationOptions(defaultsOf: configuration).steps, configuration: configuration)
        })

    static let graphs = ModelKind(graphs: { try $0.allGraphs() }, open: { try GraphModel(file: $0, options: $1, optimization: $2) })
}

extension ModelFile {
    var kind: ModelKind { family.flatMap { ModelKind.families[$0.name] } ?? .graphs }
}
