import Checkpoints
import GraphIR
import Tensors

/// The parameters of an imported model, to be written to a file one after the other.
public final class ImportedCheckpoint: CheckpointSource {
    public let paths: [String]
    public let names: [String]
    private let parameters: ImportedParameters
    private let graph: Graph

    public init(_ model: ImportedModel) {
        parameters = model.parameters
        graph = model.graph
        paths = parameters.paths
        names = parameters.keys
    }

    public func type(of name: String) -> TensorType? { parameters.type(of: name) }

    /// Whether the graph reads a parameter as another type than this one.
    public func isRead(_ name: String, otherThanAs elementType: ElementType) -> Bool {
        graph.parameter(name).map { graph.type($0).elementType != elementType } ?? false
    }

    public func forEachPiece(of name: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let tensor = try parameters.parameter(name)
        defer { parameters.releasePages(name) }
        try tensor.withBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: CheckpointPieces.byteLimit) {
                try body(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + CheckpointPieces.byteLimit, bytes.count)]))
            }
        }
    }
}
