import Files
import GraphIR
import GraphRuntime
import Tensors

/// The steps that a program runs, in order.
public struct Schedule: Codable, Hashable, Sendable {
    public struct Step: Codable, Hashable, Sendable {
        /// The node's name.
        public var node: String
        /// The variant of the kernel.
        public var kernel: String
        public var scratchBytes: Int
        /// How it runs strip by strip; nil where the node runs as a whole.
        public var strips: Strips?

        public init(node: String, kernel: String, scratchBytes: Int = 0, strips: Strips? = nil) {
            self.node = node
            self.kernel = kernel
            self.scratchBytes = scratchBytes
            self.strips = strips
        }
    }

    public struct Strips: Codable, Hashable, Sendable {
        public var count: Int
        public var rows: Int
        /// All that runs in them, in order.
        public var nodes: [String]
    }

    public var steps: [Step]

    public init(_ steps: [Step]) { self.steps = steps }

    public init(_ plan: ProgramPlan) {
        steps = plan.steps.map {
            let nodes = $0.nodes
            return Step(
                node: plan.graph.name(of: $0.node), kernel: $0.kernel.name, scratchBytes: $0.kernel.scratchByteCount,
                strips: $0.strips.map { Strips(count: $0.strips, rows: $0.rowsPerStrip, nodes: nodes.map(plan.graph.name(of:))) })
        }
    }

    /// The steps as a table, each with the place of its result in the arena where there is a plan.
    public func text(_ graph: Graph, memory: MemoryPicture? = nil) -> String {
        var nodes: [String: NodeID] = [:]
        for id in graph.order { nodes[graph.name(of: id)] = id }
        let offsets = Dictionary(
            (memory?.buffers ?? []).filter { $0.kind != .scratch }.map { ($0.value, $0.offset) }, uniquingKeysWith: { first, _ in first })
        let hasStrips = steps.contains { $0.strips != nil }
        var table = TextTable(
            .right("step"), .left("node", maximumWidth: 60), .left("kernel", maximumWidth: 40), .left("result", maximumWidth: 48), .right("work"),
            .right("bytes"), .right("scratch"), .right("offset"), .left(hasStrips ? "strips" : ""))
        for (index, step) in steps.enumerated() {
            let id = nodes[step.node]
            let cost = (step.strips?.nodes ?? [step.node]).reduce(NodeCost()) { sum, name in sum + (nodes[name].map { NodeCost(graph, $0) } ?? NodeCost()) }
            let types = id.map { graph.resultTypes(graph[$0]).map(\.description).joined(separator: ", ") } ?? ""
            table.append(
                "\(index)", step.node, step.kernel, types, Units.flop(cost.flop), Units.bytes(cost.bytes),
                step.scratchBytes > 0 ? Units.bytes(step.scratchBytes) : "", offsets[step.node].map { "\($0)" } ?? "",
                step.strips.map { "\($0.count) of \($0.rows) rows, from \($0.nodes[0])" } ?? "")
        }
        return table.text()
    }
}
