import DeblurDiff
import Foundation
import GraphPasses
import GraphRuntime
import GraphTestSupport
import Testing

/// How a model is run. The oracle's numbers must come out of each.
struct OracleSetting: CustomTestStringConvertible, Sendable {
    let name: String
    /// The largest relative error of a stage.
    let tolerance: Double
    var level = OptimizationLevel.standard
    var packsWeights = true
    var disabledPasses: Set<String> = []
    var precision = Precision.float32
    var stripsEverything = false
    var without: Set<String> = []

    var testDescription: String { name }

    /// The graphs as they are imported, on OpenBLAS with the weights as they are stored.
    static let imported = OracleSetting(name: "O0", tolerance: 2e-5, level: .o0, packsWeights: false)
    /// What a user gets without asking for anything else.
    static let standard = OracleSetting(name: "O1", tolerance: 2e-5)

    static let all = [imported, standard]
    /// Strip by strip wherever that is possible.
    static let strips = OracleSetting(name: "O1, strips", tolerance: 2e-5, stripsEverything: true)
    /// Beside the oracle, not within its tolerance.
    static let narrow = OracleSetting(name: "O1, int16", tolerance: .infinity, precision: .int16)

    func open(_ path: String, threads: Int?, memory: MemoryUse = .standard, keepsPrograms: Bool = false) throws -> DeblurDiffModel {
        var options = RuntimeOptions(pool: ThreadPool(threadCount: threads))
        options.packsWeights = packsWeights
        options.precision = precision
        options.memory = memory
        options.stripsEverything = stripsEverything
        var optimization = OptimizationOptions()
        optimization.level = level
        optimization.without = without
        optimization.pipeline.disabledPasses = disabledPasses
        return try DeblurDiffModel(path: path, options: options, optimization: optimization, keepsPrograms: keepsPrograms)
    }
}

/// The oracle's checkpoint, made from its formula and converted, once for all tests.
enum OracleModel {
    private static let folder: String = {
        guard let folder = try? makeScratchFolder() else { fatalError("cannot make a folder for the oracle's model") }
        return folder
    }()

    private static let converted: Result<String, any Error> = Result {
        let (checkpoint, model) = (folder + "/tiny.safetensors", folder + "/tiny.ddiff.safetensors")
        atexit { try? FileManager.default.removeItem(atPath: OracleModel.folder) }
        let keys = try readCheckpointKeys(repositoryFile("Tests/Fixtures/tiny_keys.json"))
        try writeSeededCheckpoint(keys: keys, seed: 1, to: checkpoint)
        let yaml = try String(contentsOfFile: repositoryFile("Tests/Fixtures/tiny.yaml"), encoding: .utf8)
        try convertCheckpoint(checkpoint, configuration: ModelConfiguration(yaml: yaml), to: model)
        try FileManager.default.removeItem(atPath: checkpoint)
        return model
    }

    static func open(_ setting: OracleSetting, threads: Int? = nil, memory: MemoryUse = .standard, keepsPrograms: Bool = false) throws -> DeblurDiffModel {
        try setting.open(converted.get(), threads: threads, memory: memory, keepsPrograms: keepsPrograms)
    }
}
