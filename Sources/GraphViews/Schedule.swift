import GraphRuntime

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

    public init(_ program: Program) {
        steps = program.steps.map {
            Step(node: program.graph.name(of: $0.node), kernel: $0.kernel.name, scratchBytes: $0.kernel.scratchByteCount)
        }
    }
}
