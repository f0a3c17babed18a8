import Diffusion
import Foundation
import GraphRuntime
import GraphTestSupport
import ModelImport
import Testing

/// How a model is run. The oracle's numbers must come out of each.
struct OracleSetting: CustomTestStringConvertible, Sendable {
    let name: String
    /// The largest relative error of a stage.
    let tolerance: Double
    let change: @Sendable (inout RuntimeOptions) -> Void

    var testDescription: String { name }

    func options(threads: Int? = nil) -> RuntimeOptions {
        var options = RuntimeOptions(pool: ThreadPool(threadCount: threads))
        change(&options)
        return options
    }

    /// What a user gets without asking for anything else.
    static let standard = OracleSetting(name: "standard", tolerance: 2e-5) { _ in }
    /// OpenBLAS and the weights as they are stored.
    static let plainWeights = OracleSetting(name: "plain weights", tolerance: 2e-5) { $0.packsWeights = false }
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

    static func open(_ setting: OracleSetting, threads: Int? = nil) throws -> DeblurDiffModel {
        try DeblurDiffModel(path: converted.get(), options: setting.options(threads: threads))
    }
}
