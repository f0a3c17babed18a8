import GraphIR
import GraphRuntime

/// A memory plan as rectangles: time across, address up.
public struct MemoryPicture: Codable, Hashable, Sendable {
    public enum Kind: String, Codable, Sendable {
        /// A result that later steps read.
        case value
        /// What a kernel needs while it runs.
        case scratch
        /// A result of the graph, alive to the end.
        case output
    }

    public struct Buffer: Codable, Hashable, Sendable {
        public var label: String
        /// The value that the buffer was made for, or whose maker scribbles in it.
        public var value: String
        public var kind: Kind
        public var offset: Int
        public var bytes: Int
        /// The first step that needs it, and the one behind the last.
        public var start: Int
        public var end: Int
    }

    public var arenaBytes: Int
    /// No plan can need less.
    public var lowerBound: Int
    public var strategy: String
    public var stepCount: Int
    public var buffers: [Buffer]
    /// Of a program that has strips.
    public var strips: Strips?

    /// What strips come to.
    public struct Strips: Codable, Hashable, Sendable {
        /// Steps that run strip by strip, of all.
        public var steps: Int
        /// Operations with those that are done again, and without.
        public var flop: Int
        public var flopOnce: Int
        /// What a run takes, with weights, inputs and outputs.
        public var bytes: Int
        public var memory: MemoryUse
        /// In the order in which they run.
        public var segments: [Segment]
    }

    /// Steps that run strip by strip, each by itself.
    public struct Segment: Codable, Hashable, Sendable {
        /// The first and the last of the nodes that run in it.
        public var first: String
        public var last: String
        public var nodes: Int
        public var strips: Int
        public var rowsPerStrip: Int
        /// Of all strips together, what other segments compute as well included.
        public var flop: Int
        /// Rows that wait for those behind them, and what the kernels need.
        public var windowBytes: Int
    }

    public init(_ plan: MemoryPlan, stepCount: Int) {
        let scratch = "scratch of "
        arenaBytes = plan.arenaByteCount
        lowerBound = plan.lowerBound
        strategy = plan.strategy
        self.stepCount = stepCount
        buffers = zip(plan.buffers, plan.offsets).map { buffer, offset in
            let isScratch = buffer.label.hasPrefix(scratch)
            return Buffer(
                label: buffer.label, value: isScratch ? String(buffer.label.dropFirst(scratch.count)) : buffer.label,
                kind: isScratch ? .scratch : buffer.lifetime.upperBound > stepCount ? .output : .value, offset: offset,
                bytes: buffer.byteCount, start: buffer.lifetime.lowerBound, end: buffer.lifetime.upperBound)
        }
    }

    public init(_ plan: ProgramPlan) {
        self.init(plan.memory, stepCount: plan.steps.count)
        let graph = plan.graph
        let segments = plan.steps.compactMap { step in
            step.strips.map {
                Segment(
                    first: graph.name(of: step.nodes[0]), last: graph.name(of: step.node), nodes: step.nodes.count, strips: $0.strips,
                    rowsPerStrip: $0.rowsPerStrip, flop: step.nodes.reduce(0) { $0 + graph.floatingPointOperations(of: $1) },
                    windowBytes: step.kernel.scratchByteCount)
            }
        }
        guard !segments.isEmpty else { return }
        strips = Strips(
            steps: segments.count, flop: plan.floatingPointOperations, flopOnce: graph.floatingPointOperations, bytes: plan.byteCount,
            memory: plan.options.memory, segments: segments)
    }

    /// Bytes alive at each step, without what alignment adds.
    public var liveBytes: [Int] {
        let count = max(stepCount, buffers.map(\.end).max() ?? 0)
        var changes = [Int](repeating: 0, count: count + 1)
        for buffer in buffers where buffer.start < buffer.end {
            changes[buffer.start] += buffer.bytes
            changes[buffer.end] -= buffer.bytes
        }
        var live = 0
        return changes.dropLast().map { change in
            live += change
            return live
        }
    }
}
