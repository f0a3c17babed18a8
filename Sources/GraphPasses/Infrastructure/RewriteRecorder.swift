import GraphIR

/// One rewrite, as the log has it.
public struct Rewrite: Hashable, Codable, Sendable {
    /// A node by its name, with the kind of its op; or a parameter.
    public struct NodeNote: Hashable, Codable, Sendable, CustomStringConvertible {
        public var name: String
        public var op: String

        static func parameter(_ key: String) -> NodeNote { NodeNote(name: key, op: "parameter") }

        public var description: String { op == "parameter" ? "@\(name)" : "%\(name) (\(op))" }
    }

    /// Counted from 1 over the whole run of a pipeline, so that `--stop-after` names it.
    public var number: Int
    public var pass: String
    /// The nodes that are gone, or were changed in place.
    public var before: [NodeNote]
    /// The nodes that are new, or were changed in place.
    public var after: [NodeNote]
}

/// Counts and logs what a pass does, and stops it when the rewrites that are allowed are used up.
public struct RewriteRecorder {
    let pass: String
    let limit: Int
    private(set) var matchCount = 0
    private(set) var rewriteCount = 0
    private(set) var log: [Rewrite]

    init(pass: String, log: [Rewrite], limit: Int) {
        self.pass = pass
        self.log = log
        self.limit = limit
    }

    /// Tries one rewrite, which says whether it changed anything. Does nothing once the limit is reached.
    public mutating func attempt(_ editor: inout GraphEditor, _ body: (inout GraphEditor) throws -> Bool) rethrows -> Bool {
        matchCount += 1
        guard log.count < limit else { return false }
        let changed = try body(&editor)
        let changes = editor.takeChanges()
        precondition(changed != changes.isEmpty, "\(pass) does not say truly whether it changed the graph")
        guard changed else { return false }
        rewriteCount += 1
        let graph = editor.graph
        let inserted = Set(changes.inserted)
        var seen: Set<NodeID> = []
        let modified = changes.modified.filter { graph.contains($0) && !inserted.contains($0) && seen.insert($0).inserted }
        func notes(_ nodes: [NodeID]) -> [Rewrite.NodeNote] {
            nodes.filter(graph.contains).map { .init(name: graph.name(of: $0), op: graph[$0].op.name) }
        }
        let erased = changes.erased.filter { !inserted.contains($0.id) }.map { Rewrite.NodeNote(name: $0.name, op: $0.op) }
        let parameters = changes.erasedParameters.map(Rewrite.NodeNote.parameter)
        log.append(
            Rewrite(
                number: log.count + 1, pass: pass, before: erased + notes(modified) + parameters,
                after: notes(changes.inserted) + notes(modified)))
        return true
    }
}
