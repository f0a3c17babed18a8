import Files
import GraphIR

/// What graphs are made of and what they take, before and after the passes.
public struct GraphSummary: Codable, Hashable, Sendable {
    /// One graph to sum up.
    public struct Subject: Sendable {
        public var before: Graph?
        public var after: Graph
        public var memory: MemoryPicture?
        public var passes: [PassSummary]
        /// About how long a run takes.
        public var seconds: Double?

        /// - Parameters:
        ///   - before: the graph as it was imported, if there is more than one stage.
        ///   - memory: where it has been planned.
        public init(before: Graph? = nil, after: Graph, memory: MemoryPicture? = nil, passes: [PassSummary] = [], seconds: Double? = nil) {
            self.seconds = seconds
            self.before = before
            self.after = after
            self.memory = memory
            self.passes = passes
        }
    }

    public struct Memory: Codable, Hashable, Sendable {
        public var arenaBytes: Int
        public var lowerBound: Int
        public var strategy: String
        public var strips: MemoryPicture.Strips?
        /// About how long a run takes, by what the processors can do at most.
        public var roughSeconds: Double?
    }

    /// Part of a graph: the nodes that have the first part of their name in common.
    public struct Part: Codable, Hashable, Sendable {
        public var name: String
        public var nodes: Int
        public var cost: NodeCost
    }

    public struct GraphLine: Codable, Hashable, Sendable {
        public var name: String
        public var nodesBefore: Int?
        public var nodes: Int
        public var parameterTensors: Int
        public var parameters: Int
        public var parameterBytes: Int
        public var costBefore: NodeCost?
        public var cost: NodeCost
        public var memory: Memory?
        public var parts: [Part]
    }

    public struct KindLine: Codable, Hashable, Sendable {
        public var op: String
        public var family: OpFamily
        public var nodesBefore: Int?
        public var nodes: Int
        public var cost: NodeCost
    }

    public struct LargeValue: Codable, Hashable, Sendable {
        public var graph: String
        public var name: String
        public var type: String
        public var bytes: Int
    }

    public var schema = "deblurdiff.summary/1"
    public var graphs: [GraphLine]
    /// Over all graphs, most work first.
    public var kinds: [KindLine]
    /// Results of nodes, largest first.
    public var largestValues: [LargeValue]
    /// What the passes made of what, most frequent first.
    public var fusions: [GraphDiff.Pattern]
    /// Of all graphs, those of one name put together.
    public var passes: [PassSummary]

    public init(_ subjects: [Subject], largestValueCount: Int = 10) {
        graphs = subjects.map(GraphLine.init)
        kinds = GraphSummary.kinds(subjects)
        largestValues = GraphSummary.largestValues(subjects, count: largestValueCount)
        fusions = GraphSummary.fusions(subjects)
        passes = GraphSummary.passes(subjects)
    }

    private static func kinds(_ subjects: [Subject]) -> [KindLine] {
        var lines: [String: KindLine] = [:]
        let hasBefore = subjects.contains { $0.before != nil }
        func update(_ op: String, _ change: (inout KindLine) -> Void) {
            let empty = KindLine(op: op, family: OpFamily(opName: op), nodesBefore: hasBefore ? 0 : nil, nodes: 0, cost: NodeCost())
            change(&lines[op, default: empty])
        }
        for subject in subjects {
            if hasBefore {
                for (op, count) in (subject.before ?? subject.after).nodeCounts { update(op) { $0.nodesBefore! += count } }
            }
            for id in subject.after.order {
                let cost = NodeCost(subject.after, id)
                update(subject.after[id].op.name) {
                    $0.nodes += 1
                    $0.cost += cost
                }
            }
        }
        // Kinds that are gone stand last.
        return lines.values.sorted {
            ($1.nodes.signum(), $1.cost.flop, $1.cost.bytes, $0.op) < ($0.nodes.signum(), $0.cost.flop, $0.cost.bytes, $1.op)
        }
    }

    private static func largestValues(_ subjects: [Subject], count: Int) -> [LargeValue] {
        var values: [LargeValue] = []
        for subject in subjects {
            let graph = subject.after
            for id in graph.order where !NodeCost.isView(graph, id) {
                for result in graph[id].results {
                    values.append(
                        LargeValue(
                            graph: graph.name, name: graph[result].name, type: graph.type(result).description,
                            bytes: graph.type(result).byteCount))
                }
            }
        }
        return Array(values.sorted { ($1.bytes, $0.graph, $0.name) < ($0.bytes, $1.graph, $1.name) }.prefix(count))
    }

    private static func fusions(_ subjects: [Subject]) -> [GraphDiff.Pattern] {
        var counts: [GraphDiff.Pattern: Int] = [:]
        for subject in subjects {
            guard let before = subject.before else { continue }
            for var pattern in GraphDiff(from: before, to: subject.after).patterns where pattern.change == .fused {
                let count = pattern.count
                pattern.count = 0
                counts[pattern, default: 0] += count
            }
        }
        return counts.map { pattern, count in
            var pattern = pattern
            pattern.count = count
            return pattern
        }.sorted { ($1.count, $0.text) < ($0.count, $1.text) }
    }

    private static func passes(_ subjects: [Subject]) -> [PassSummary] {
        var result: [PassSummary] = []
        for pass in subjects.flatMap(\.passes) {
            guard let index = result.firstIndex(where: { $0.name == pass.name }) else {
                result.append(pass)
                continue
            }
            result[index].matches += pass.matches
            result[index].rewrites += pass.rewrites
            result[index].runs += pass.runs
            result[index].nodesRemoved += pass.nodesRemoved
            result[index].seconds += pass.seconds
        }
        return result
    }

    public func json() -> String { encodeJSON(self) + "\n" }
}

extension GraphSummary.GraphLine {
    init(_ subject: GraphSummary.Subject) {
        let graph = subject.after
        name = graph.name
        nodesBefore = subject.before?.order.count
        nodes = graph.order.count
        let types = graph.parameters.map(graph.type)
        parameterTensors = types.count
        parameters = types.reduce(0) { $0 + $1.elementCount }
        parameterBytes = types.reduce(0) { $0 + $1.byteCount }
        costBefore = subject.before?.cost
        cost = graph.cost
        memory = subject.memory.map {
            .init(arenaBytes: $0.arenaBytes, lowerBound: $0.lowerBound, strategy: $0.strategy, strips: $0.strips, roughSeconds: subject.seconds)
        }
        var parts: [GraphSummary.Part] = []
        var places: [Substring: Int] = [:]
        for id in graph.order {
            let name = graph.name(of: id)
            guard let dot = name.firstIndex(of: ".") else { continue }
            let scope = name[..<dot]
            if places[scope] == nil {
                places[scope] = parts.count
                parts.append(.init(name: String(scope), nodes: 0, cost: NodeCost()))
            }
            parts[places[scope]!].nodes += 1
            parts[places[scope]!].cost += NodeCost(graph, id)
        }
        self.parts = parts
    }
}
