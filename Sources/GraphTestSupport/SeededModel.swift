import Checkpoints
import DeblurDiff
import Foundation
import GraphFile
import GraphIR
import GraphRuntime
import Tensors

/// The seeded weights of a graph's parameters.
public struct SeededParameters: ParameterSource {
    private let shapes: [String: Shape]
    private let seed: UInt64

    public init(_ graph: Graph, seed: UInt64 = 1) {
        shapes = Dictionary(uniqueKeysWithValues: graph.parameters.map { (graph[$0].name, graph.type($0).shape) })
        self.seed = seed
    }

    public func parameterType(_ key: String) throws -> TensorType { TensorType(.float32, shapes[key]!) }
    public func parameter(_ key: String) throws -> Tensor { seededTensor(key: key, shape: shapes[key]!, seed: seed) }
}

/// Converts a checkpoint as the command does.
public func convertCheckpoint(
    _ checkpointPath: String, configuration: ModelConfiguration, to path: String, elementType: ElementType = .float32
) throws {
    var conversion = DeblurDiffConversion(configuration: configuration, converter: "tests")
    conversion.elementType = elementType
    try conversion.convert(DeblurDiffCheckpoint(combined: openCheckpoint(checkpointPath)), to: path)
}

/// Writes a model with seeded weights for every parameter that a configuration's networks read.
public func writeSeededModel(_ configuration: ModelConfiguration, seed: UInt64, to path: String) throws {
    let shapes = DeblurDiffArchitecture.parameterShapes(try DeblurDiffArchitecture.graphs(configuration))
    let checkpoint = path + ".checkpoint"
    defer { try? FileManager.default.removeItem(atPath: checkpoint) }
    try writeSeededCheckpoint(keys: shapes.map { (key: $0.key, shape: $0.value) }.sorted { $0.key < $1.key }, seed: seed, to: checkpoint)
    try convertCheckpoint(checkpoint, configuration: configuration, to: path)
}
