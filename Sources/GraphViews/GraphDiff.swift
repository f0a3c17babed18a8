import Files
import GraphIR

/// What became of each node between two stages of a graph.
///
/// Nodes are matched by their origins, which rewriting keeps, and by their names.
public struct GraphDiff: Codable, Hashable, Sendable {
    public enum Change: String, Codable, CaseIterable, Sendable {
        /// Several nodes became one.
        case fused
        /// One node became another.
        case replaced
        /// The same node, with other attributes or operands.
        case changed
        case added
        case removed
        case unchanged
    }

    public struct NodeReference: Codable, Hashable, Sendable {
        public var name: String
        public var op: String

        public init(name: String, op: String) {
            self.name = name
            self.op = op
        }
    }

    public struct Entry: Codable, Hashable, Sendable {
        public var change: Change
        public var before: [NodeReference]
        public var after: NodeReference?
        /// The passes whose rewrites name the node, in the order in which they did.
        public var passes: [String]
    }

    /// A kind of change, by the ops that went in and came out: `group_norm + silu → group_norm`.
    public struct Pattern: Codable, Hashable, Sendable {
        public var change: Change
        public var before: [String]
        public var after: String?
        public var count: Int

        public var text: String {
            let input = GraphDiff.runs(before)
            switch change {
            case .added: return "→ \(after ?? "")"
            case .removed: return "\(input) →"
            default: return "\(input) → \(after ?? "")"
            }
        }
    }

    public struct Side: Codable, Hashable, Sendable {
        public var stage: String
        public var nodes: Int
        public var cost: NodeCost
    }

    public var schema = "deblurdiff.diff/1"
    public var graph: String
    public var before: Side
    public var after: Side
    public var passes: [PassSummary]
    public var entries: [Entry]

    public init(
        from old: Graph, to new: Graph, stages: (before: String, after: String) = ("imported", "optimized"), passes: [PassSummary] = [],
        rewrites: [RewriteRecord] = []
    ) {
        graph = new.name
        self.passes = passes
        before = Side(stage: stages.before, nodes: old.order.count, cost: old.cost)
        after = Side(stage: stages.after, nodes: new.order.count, cost: new.cost)

        var passesByName: [String: [String]] = [:]
        for record in rewrites {
            for node in record.after where passesByName[node.name]?.contains(record.pass) != true {
                passesByName[node.name, default: []].append(record.pass)
            }
        }
        var removers: [String: String] = [:]
        for record in rewrites { for node in record.before { removers[node.name] = record.pass } }

        var oldNodes: [String: NodeID] = [:]
        for id in old.order { for result in old[id].results { oldNodes[old[result].name] = id } }
        func reference(_ graph: Graph, _ id: NodeID) -> NodeReference { NodeReference(name: graph.name(of: id), op: graph[id].op.name) }

        var accounted: Set<NodeID> = []
        entries = []
        for id in new.order {
            let node = new[id]
            let name = new.name(of: id)
            var sources: [NodeID] = []
            for origin in node.origins { if let source = oldNodes[origin], !sources.contains(source) { sources.append(source) } }
            if node.origins.isEmpty, let source = oldNodes[name] { sources = [source] }
            accounted.formUnion(sources)
            let change: Change
            if sources.isEmpty {
                change = .added
            } else if sources.count > 1 {
                change = .fused
            } else if old[sources[0]].op.name != node.op.name {
                change = .replaced
            } else {
                let isSame = old[sources[0]].op.isEqual(to: node.op) && old[sources[0]].operands.map(old.reference) == node.operands.map(new.reference)
                change = isSame ? .unchanged : .changed
            }
            entries.append(
                Entry(change: change, before: sources.map { reference(old, $0) }, after: reference(new, id), passes: passesByName[name] ?? []))
        }
        for id in old.order where !accounted.contains(id) {
            let gone = reference(old, id)
            entries.append(Entry(change: .removed, before: [gone], after: nil, passes: removers[gone.name].map { [$0] } ?? []))
        }
    }

    /// How often each kind of change happened, most frequent first.
    public var patterns: [Pattern] {
        var counts: [Pattern: Int] = [:]
        for entry in entries where entry.change != .unchanged {
            counts[Pattern(change: entry.change, before: entry.before.map(\.op), after: entry.after?.op, count: 0), default: 0] += 1
        }
        return counts.map { pattern, count in
            var pattern = pattern
            pattern.count = count
            return pattern
        }.sorted { ($1.count, $0.text) < ($0.count, $1.text) }
    }

    public func count(_ change: Change) -> Int { entries.count { $0.change == change } }

    public func json() -> String {
        struct Whole: Encodable {
            var diff: GraphDiff
            func encode(to encoder: any Encoder) throws {
                try diff.encode(to: encoder)
                var container = encoder.container(keyedBy: Key.self)
                try container.encode(diff.patterns, forKey: .patterns)
            }
            enum Key: String, CodingKey { case patterns }
        }
        return encodeJSON(Whole(diff: self)) + "\n"
    }

    /// For the terminal: what the passes say, the kinds of change, and each node that changed.
    ///
    /// - Parameter entryLimit: how many nodes to list; nil for all.
    public func text(entryLimit: Int? = nil) -> String {
        var text = "\(graph.printable): \(before.stage.printable) → \(after.stage.printable)\n"
        var sides = TextTable(.left(""), .right(before.stage), .right(after.stage))
        sides.append("nodes", Units.count(before.nodes), Units.count(after.nodes))
        sides.append("work", Units.flop(before.cost.flop), Units.flop(after.cost.flop))
        sides.append("weights read", Units.bytes(before.cost.weightBytes), Units.bytes(after.cost.weightBytes))
        sides.append("activations moved", Units.bytes(before.cost.activationBytes), Units.bytes(after.cost.activationBytes))
        text += sides.text()
        if !passes.isEmpty { text += "\n" + passes.table() }
        var kinds = TextTable(.right("count"), .left("change"), .left("what", maximumWidth: 100))
        for pattern in patterns { kinds.append(Units.count(pattern.count), pattern.change.rawValue, pattern.text) }
        if !kinds.isEmpty { text += "\n" + kinds.text() }

        let changed = entries.filter { $0.change != .unchanged }
        var nodes = TextTable(.left("change"), .left("node", maximumWidth: 56), .left("from", maximumWidth: 100), .left("passes"))
        for entry in changed.prefix(entryLimit ?? .max) {
            let node = entry.after ?? entry.before[0]
            let from = entry.change == .removed || entry.change == .added ? "" : GraphDiff.runs(entry.before.map(\.op)) + " → "
            nodes.append(entry.change.rawValue, node.name, from + node.op, entry.passes.joined(separator: ", "))
        }
        if !nodes.isEmpty { text += "\n" + nodes.text() }
        if let entryLimit, changed.count > entryLimit { text += "… and \(changed.count - entryLimit) more\n" }
        text += "\n\(count(.unchanged)) nodes are unchanged.\n"
        return text
    }

    /// `linear + linear + add` as `linear ×2 + add`.
    static func runs(_ ops: [String]) -> String {
        var runs: [(op: String, count: Int)] = []
        for op in ops {
            if runs.last?.op == op { runs[runs.count - 1].count += 1 } else { runs.append((op, 1)) }
        }
        return runs.map { $0.count == 1 ? $0.op : "\($0.op) ×\($0.count)" }.joined(separator: " + ")
    }
}

extension Graph {
    /// What all nodes take together.
    var cost: NodeCost { order.reduce(NodeCost()) { $0 + NodeCost(self, $1) } }
}
