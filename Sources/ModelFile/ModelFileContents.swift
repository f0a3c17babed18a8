import ModelImport
import Tensors

/// What a model file holds beside its tensors.
public struct ModelFileContents: Sendable {
    /// Text forms of graphs by name ("unet", "lkpn", ...).
    public var graphs: [String: String]
    /// Nil for graphs that are no DeblurDiff's.
    public var configuration: ModelConfiguration?
    /// The merges of the text encoder's byte-pair encoding, one a line, or nil for a model that only takes empty prompts.
    public var mergesText: String?

    public init(graphs: [String: String], configuration: ModelConfiguration?, mergesText: String? = nil) {
        self.graphs = graphs
        self.configuration = configuration
        self.mergesText = mergesText
    }
}
