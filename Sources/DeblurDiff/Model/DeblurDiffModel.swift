import Files
import GraphFile
import GraphIR
import GraphPasses
import GraphRuntime
import Operators
import Tensors

/// A converted model, opened: its graphs, and programs made from them for the sizes that are asked for.
///
/// Nothing in it changes but what it has cached, which is guarded: several restorations may use one model at once.
public final class DeblurDiffModel: StagedModel, Sendable {
    /// The name of the family in a file.
    public static let family = "deblurdiff"

    public let file: ModelFile
    public let configuration: ModelConfiguration
    /// The imported graphs by name, for the size that the file was written with.
    public let graphs: [String: Graph]
    public let parameters: ParameterStore
    public let options: RuntimeOptions
    public let optimization: OptimizationOptions
    /// What its steps are built without: ``GraphPasses/OptimizationOptions/without``.
    public let without: Set<Ablation>
    /// What photographs go through first.
    public let cleaner: Cleaner?
    let programs: ProgramCache
    /// Packed weights of large programs, from process to process.
    public let packed: PackedFiles?

    /// - `packedFolder`: where packed weights are kept from process to process; nil for nowhere.
    /// - `cleaner`: what photographs go through first, if anything.
    /// - `keepsPrograms`: Programs stay in memory, with their weights, when nobody runs them: for a process that restores photographs as they come.
    /// - Throws: an `InputError` where the file cannot be read or holds no DeblurDiff.
    public convenience init(
        path: String, options: RuntimeOptions = RuntimeOptions(), optimization: OptimizationOptions = OptimizationOptions(), cleaner: Cleaner? = nil,
        keepsPrograms: Bool = false, packedFolder: String? = nil
    ) throws {
        try self.init(
            file: ModelFile(path: path), options: options, optimization: optimization, cleaner: cleaner, keepsPrograms: keepsPrograms,
            packedFolder: packedFolder)
    }

    public init(
        file: ModelFile, options: RuntimeOptions = RuntimeOptions(), optimization: OptimizationOptions = OptimizationOptions(), cleaner: Cleaner? = nil,
        keepsPrograms: Bool = false, packedFolder: String? = nil
    ) throws {
        self.file = file
        self.cleaner = cleaner
        self.options = options
        self.optimization = optimization
        without = Set(
            try optimization.without.map {
                guard let part = Ablation(rawValue: $0) else {
                    throw InputError("there is no part '\($0)'", advice: "The parts are: " + Ablation.allCases.map(\.rawValue).joined(separator: ", ") + ".")
                }
                return part
            })
        configuration = try DeblurDiffModel.configuration(of: file)
        let design = configuration.system.design
        if let part = without.subtracting(design.parts).map(\.rawValue).min() {
            throw InputError("is a \(design.title), which has no part '\(part)' to leave out", at: file.path)
        }
        graphs = try DeblurDiffModel.graphs(in: file, configuration)
        packed = packedFolder.map {
            PackedFiles(folder: $0, subject: file.packingSubject(options, optimization) + (cleaner.map { [$0.digest] } ?? []), pool: options.pool)
        }
        let own = ModelFileParameters(file: file)
        parameters = ParameterStore(
            source: cleaner.map { CleanedParameters(model: own, cleaner: $0) } ?? own, pool: options.pool, cache: packed)
        programs = ProgramCache(keepsPrograms: keepsPrograms)
    }

    /// The networks' sizes.
    public static func configuration(of file: ModelFile) throws -> ModelConfiguration {
        guard let family = file.family, family.name == self.family else {
            let names = file.graphNames.map { "'\($0)'" }.joined(separator: ", ")
            throw InputError(
                "holds no DeblurDiff, but the graph\(file.graphNames.count == 1 ? "" : "s") \(names)", at: file.path,
                advice: "'deblurdiff execute' runs graphs of any kind.")
        }
        do { return try ModelConfiguration(json: family.configuration) } catch let error as InputError { throw error.at(file.path) }
    }

    /// Reads the graphs of a model file and checks that they are DeblurDiff's, and that the file's tensors are those that they name.
    public static func graphs(in file: ModelFile) throws -> [String: Graph] { try graphs(in: file, configuration(of: file)) }

    private static func graphs(in file: ModelFile, _ configuration: ModelConfiguration) throws -> [String: Graph] {
        let graphs = try file.allGraphs()
        for name in DeblurDiffArchitecture.graphNames(configuration.system) where graphs[name] == nil {
            throw InputError("the model has no graph '\(name)'", at: file.path, advice: "Convert the checkpoint again.")
        }
        do { try ModelSignatures.check(graphs, configuration) } catch let error as InputError { throw error.at(file.path) }
        return graphs
    }

    /// The vocabulary of the text encoder, if the file has it: merges, one a line.
    var mergesText: String? { file.family?.texts[DeblurDiffModel.mergesName] }

    static let mergesName = "merges"
}
