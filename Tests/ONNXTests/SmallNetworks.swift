import DeblurDiff
import Files
import Foundation
import GraphIR
import GraphRuntime
import GraphTestSupport
import ONNX
import Tensors
import Testing

/// The networks that the PyTorch exports in Fixtures were made of, imported from a checkpoint. See Tools/onnx/make_fixtures.py.
enum SmallNetworks {
    static let folder = repositoryFile("Tests/ONNXTests/Fixtures")
    static let seed: UInt64 = 1
    static let size = 64

    private static let made = Result { () throws -> [String: Graph] in
        let yaml = try String(contentsOfFile: "\(folder)/networks.yaml", encoding: .utf8)
        var graphs = try DeblurDiffArchitecture.graphs(ModelConfiguration(yaml: yaml), height: size, width: size)
        let unet = graphs["unet"]!
        graphs["step"] = try DenoisingStep.graph(graphs, latent: unet.type(unet.input("x")!))
        return graphs
    }

    static let names = DeblurDiffArchitecture.graphNames() + ["step"]

    static func graph(_ name: String) throws -> Graph { try made.get()[name]! }

    /// The weights that the checkpoint has.
    struct Weights: ParameterSource {
        var shapes: [String: Shape]

        init(_ graph: Graph) {
            shapes = Dictionary(uniqueKeysWithValues: graph.parameters.map { (graph[$0].name, graph.type($0).shape) })
        }

        func parameter(_ key: String) throws -> Tensor { seededTensor(key: key, shape: shapes[key]!, seed: SmallNetworks.seed) }
    }

    /// Runs a graph as it is on seeded inputs.
    static func run(_ graph: Graph, _ source: some ParameterSource) throws -> [String: Tensor] {
        let options = RuntimeOptions(pool: ThreadPool(threadCount: 1))
        let program = try Program(graph, parameters: ParameterStore(source: source, pool: options.pool), options: options)
        return try program.run(SeededRunner.inputs(of: graph), in: Workspace())
    }

    /// The shapes of all tensors of the checkpoint.
    static let shapes = Result { DeblurDiffArchitecture.parameterShapes(try made.get().filter { $0.key != "step" }) }
}

/// One of the exports in Fixtures.
struct TorchExport: CustomTestStringConvertible, Sendable {
    var network: String
    /// Exporter and opset: "tracing17".
    var variant: String

    var testDescription: String { "\(network).\(variant)" }

    static let all: [TorchExport] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: SmallNetworks.folder)) ?? []
        return files.filter { $0.hasSuffix(".onnx") }.sorted().map { file in
            let parts = file.split(separator: ".")
            return TorchExport(network: String(parts[0]), variant: String(parts[1]))
        }
    }()

    /// Imports it, with its weights made again beside a copy.
    func imported<R>(_ body: (ImportedModel) throws -> R) throws -> R {
        try withScratchFolder { folder in
            let source = "\(SmallNetworks.folder)/\(testDescription)"
            try FileManager.default.copyItem(atPath: "\(source).onnx", toPath: "\(folder)/model.onnx")
            let writer = try AtomicFileWriter(path: "\(folder)/weights")
            for entry in try JSONDecoder().decode([Entry].self, from: Data(contentsOf: URL(fileURLWithPath: "\(source).json"))) {
                let tensor = seededTensor(key: entry.key, shape: try SmallNetworks.shapes.get()[entry.key]!, seed: SmallNetworks.seed)
                let values = entry.isTransposed ? transposed(tensor) : tensor.floatArray
                try values.withUnsafeBytes { try writer.write($0) }
            }
            try writer.commit()
            return try body(ONNXModel.load("\(folder)/model.onnx").importGraph())
        }
    }

    private struct Entry: Decodable {
        var key: String
        var isTransposed: Bool

        init(from decoder: any Decoder) throws {
            var list = try decoder.unkeyedContainer()
            key = try list.decode(String.self)
            isTransposed = try list.decode(Bool.self)
        }
    }

    private func transposed(_ tensor: Tensor) -> [Float] {
        let (rows, columns, values) = (tensor.shape[0], tensor.shape[1], tensor.floatArray)
        return (0..<columns).flatMap { column in (0..<rows).map { values[$0 * columns + column] } }
    }
}

extension ParameterSource {
    /// What tells a parameter from others: its shape and numbers.
    func identity(_ key: String) throws -> String {
        let tensor = try parameter(key)
        let hash = SHA256()
        tensor.withBytes(hash.update)
        return hash.finish()
    }
}
