/// What a model file holds beside its tensors.
public struct ModelFileContents: Sendable {
    /// Text forms of graphs by name ("unet", "lkpn", ...).
    public var graphs: [String: String]
    /// Nil for graphs of no family.
    public var family: ModelFamily?

    public init(graphs: [String: String], family: ModelFamily? = nil) {
        self.graphs = graphs
        self.family = family
    }
}
