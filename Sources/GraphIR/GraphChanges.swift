/// What an editor has changed, for those who keep a log.
public struct GraphChanges: Sendable {
    /// A node that is gone, as it was.
    public struct ErasedNode: Sendable {
        public var id: NodeID
        public var name: String
        public var op: String
    }

    public var inserted: [NodeID] = []
    public var erased: [ErasedNode] = []
    /// Nodes with another operand, or with results of another type, than before.
    public var modified: [NodeID] = []
    /// Keys of parameters that are gone.
    public var erasedParameters: [String] = []

    public var isEmpty: Bool { inserted.isEmpty && erased.isEmpty && modified.isEmpty && erasedParameters.isEmpty }
}
