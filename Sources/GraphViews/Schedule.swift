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

        public init(node: String, kernel: String, scratchBytes: Int = 0) {
            self.node = node
            self.kernel = kernel
            self.scratchBytes = scratchBytes
        }
    }

    public var steps: [Step]

    public init(_ steps: [Step]) { self.steps = steps }

    public init(_ plan: ProgramPlan) {
        steps = plan.steps.map {
            Step(node: plan.graph.name(of: $0.node), kernel: $0.kernel.name, scratchBytes: $0.kernel.scratchByteCount)
        }
    }

    /// The steps as a table, each with the place of its result in the arena where there is a plan.
    public func text(_ graph: Graph, memory: MemoryPicture? = nil) -> String {
        var nodes: [String: NodeID] = [:]
        for id in graph.order { nodes[graph.name(of: id)] = id }
        let offsets = Dictionary(
            (memory?.buffers ?? []).filter { $0.kind != .scratch }.map { ($0.value, $0.offset) }, uniquingKeysWith: { first, _ in first })
        var table = TextTable(
            .right("step"), .left("node", maximumWidth: 60), .left("kernel", maximumWidth: 40), .left("result", maximumWidth: 48), .right("work"),
            .right("bytes"), .right("scratch"), .right("offset"))
        for (index, step) in steps.enumerated() {
            let id = nodes[step.node]
            let cost = id.map { NodeCost(graph, $0) } ?? NodeCost()
            let types = id.map { graph.resultTypes(graph[$0]).map(\.description).joined(separator: ", ") } ?? ""
            table.append(
                "\(index)", step.node, step.kernel, types, Units.flop(cost.flop), Units.bytes(cost.bytes),
                step.scratchBytes > 0 ? Units.bytes(step.scratchBytes) : "", offsets[step.node].map { "\($0)" } ?? "")
        }
        return table.text()
    }
}
