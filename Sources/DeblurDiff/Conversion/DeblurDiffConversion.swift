import Checkpoints
import Files
import GraphFile
import GraphIR
import Tensors

/// Checkpoints made into model files.
public struct DeblurDiffConversion: Sendable {
    public var configuration: ModelConfiguration
    /// The text encoder's vocabulary: merges, one a line; without, the model takes no prompt but the empty one.
    public var mergesText: String?
    /// How weights are stored: float32, float16 or bfloat16.
    public var elementType = ElementType.float32
    /// The program and its version, for the provenance.
    public var converter: String

    public init(configuration: ModelConfiguration, converter: String) {
        self.configuration = configuration
        self.converter = converter
    }

    /// Writes a model file.
    ///
    /// - `progress`: called now and then with the bytes of tensors that are written, and those of all.
    /// - Returns: how many tensors were written.
    /// - Throws: an `InputError` where the weights do not fit the configuration or are not finite, and for all that can go wrong with the files.
    @discardableResult
    public func convert(_ checkpoint: DeblurDiffCheckpoint, to path: String, progress: ((_ done: Int, _ total: Int) -> Void)? = nil) throws -> Int {
        let system = try checkpoint.system()
        guard system == configuration.system else {
            throw InputError(
                "the weights are those of a \(system.title), and the configuration is that of a \(configuration.system.title)",
                at: checkpoint.paths.joined(separator: ", "), advice: "Give its own `configuration`, or none.")
        }
        let graphs = try DeblurDiffArchitecture.graphs(configuration)
        let shapes = DeblurDiffArchitecture.parameterShapes(graphs)
        try checkpoint.check(expected: shapes)
        let texts = mergesText.map { [DeblurDiffModel.mergesName: $0] } ?? [:]
        try ModelFile.write(
            ModelFileContents(
                graphs: graphs.mapValues(\.text),
                family: ModelFamily(name: DeblurDiffModel.family, configuration: configuration.json, texts: texts)),
            to: path, parameters: checkpoint.names.filter { shapes[$0] != nil }, from: checkpoint, elementType: elementType, converter: converter,
            progress: progress)
        return shapes.count
    }
}
