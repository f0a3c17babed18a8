import ArgumentParser
import Files
import Foundation
import GraphIR
import GraphRuntime
import GraphTestSupport
import ONNX
import Tensors

/// Imports damaged models over and over. What must not happen is anything but a graph or an ``InputError``: the process would end, and the
/// last model it tried is left in the folder.
@main
struct FuzzONNX: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fuzz-onnx",
        abstract: "Import damaged ONNX models until the time is over. A crash leaves the model that caused it.",
        discussion: "With sanitizers: Tools/sanitize.sh SECONDS onnx")

    @Argument(help: ArgumentHelp("Folders with models to start from.", valueName: "corpus"))
    var corpus: [String]

    @Option(help: ArgumentHelp("Where the model that is tried is written.", valueName: "folder"))
    var work = "/tmp"

    @Option(help: "For how long.")
    var seconds = 60.0

    @Option(help: "Seed of the damages.")
    var seed: UInt64 = 1

    @Flag(name: .customLong("run"), help: "Run what was imported, if it is small.")
    var runsModels = false

    func run() throws {
        let models = try corpus.flatMap { folder in
            try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".onnx") }.sorted().map {
                [UInt8](try Data(contentsOf: URL(fileURLWithPath: FilePath.join(folder, $0))))
            }
        }
        guard !models.isEmpty else { throw InputError("there are no models in the folders") }
        var generator = SeededGenerator(state: seed)
        let pool = ThreadPool(threadCount: 1)
        let path = FilePath.join(work, "model.onnx")
        let end = Date(timeIntervalSinceNow: seconds)
        var counts = (tried: 0, imported: 0, ran: 0)
        var complaints: [String: Int] = [:]
        while Date() < end {
            var model = WireFields(models.randomElement(using: &generator)!)
            for _ in 0..<Int.random(in: 0...3, using: &generator) { model.mutate(&generator) }
            var bytes = model.serialized()
            if Int.random(in: 0..<8, using: &generator) == 0, !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            counts.tried += 1
            do {
                let imported = try importing(path, &generator)
                counts.imported += 1
                if runsModels, try execute(imported, pool, &generator) { counts.ran += 1 }
            } catch let error as InputError {
                complaints[String(error.what.prefix(40)), default: 0] += 1
            }
        }
        print("\(counts.tried) models tried, \(counts.imported) imported, \(counts.ran) run")
        for (complaint, count) in complaints.sorted(by: { $0.value > $1.value }).prefix(40) { print("  \(count)  \(complaint)") }
    }

    /// Integers that are inputs are given small numbers, since shapes often depend on them.
    private func importing(_ path: String, _ generator: inout SeededGenerator) throws -> ImportedModel {
        let model = try ONNXModel.load(path)
        var bindings: [String: Tensor] = [:]
        for port in try model.inputs() {
            guard let dimensions = port.dimensions, !dimensions.contains(nil), !port.elementType.isFloatingPoint,
                let count = Shape(dimensions.map { $0! }).checkedElementCount, count <= 64
            else { continue }
            let type = TensorType(port.elementType, Shape(dimensions.map { $0! }))
            guard (try? Graph.check(type)) != nil else { continue }
            bindings[port.name] = numbers(type, &generator)
        }
        return try model.importGraph(bindings: bindings)
    }

    private func numbers(_ type: TensorType, _ generator: inout SeededGenerator) -> Tensor {
        var tensor = Tensor(type)
        let size = type.elementType.byteSize
        tensor.withMutableBytes { bytes in
            for element in 0..<type.elementCount {
                // Little-endian, whatever the width; mostly small and positive.
                let isFar = Int.random(in: 0..<8, using: &generator) == 0
                let value = Int64.random(in: isFar ? .min ... .max : -2...5, using: &generator)
                for byte in 0..<size { bytes[element * size + byte] = UInt8(truncatingIfNeeded: value >> (8 * min(byte, 7))) }
                if type.elementType == .bool { bytes[element] &= 1 }
            }
        }
        return tensor
    }

    private func execute(_ model: ImportedModel, _ pool: ThreadPool, _ generator: inout SeededGenerator) throws -> Bool {
        let graph = model.graph
        let types = graph.inputs.map(graph.type) + graph.parameters.map(graph.type) + graph.order.flatMap { graph.resultTypes(graph[$0]) }
        let elements = types.reduce(0) { $0 &+ min($1.elementCount, 1 << 30) }
        guard elements <= 1 << 20, graph.floatingPointOperations <= 1 << 24 else { return false }
        let options = RuntimeOptions(pool: pool)
        let program = try Program(graph, parameters: ParameterStore(source: model.parameters, pool: pool), options: options)
        var inputs: [String: Tensor] = [:]
        for id in graph.inputs { inputs[graph[id].name] = numbers(graph.type(id), &generator) }
        _ = try program.run(inputs, in: Workspace())
        return true
    }
}
