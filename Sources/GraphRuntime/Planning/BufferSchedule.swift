import GraphIR

/// The kernels of a graph in an order, and how long each needs which memory.
///
/// What is put out is written where it stays, in memory of its own. All else are ``buffers``.
struct BufferSchedule {
    enum Place {
        /// The index among ``buffers``.
        case buffer(Int)
        /// The index among the graph's outputs.
        case output(Int)
    }

    /// What runs, and the buffer that it scribbles in.
    private(set) var steps: [(stage: Stage, scratch: Int?)] = []
    private(set) var buffers: [MemoryPlan.Buffer] = []
    /// Of results that are no views, among all buffers.
    private var bufferOf: [ValueID: Int] = [:]
    /// Where each of all buffers is.
    private var places: [Place] = []
    private let lowered: LoweredGraph
    private let lastUse: [ValueID: Int]

    /// - Parameter reusesMemory: whether a result may take over the memory of an operand, or of a value that is done.
    init(_ lowered: LoweredGraph, _ running: [Stage], reusesMemory: Bool) {
        let graph = lowered.graph
        self.lowered = lowered
        lastUse = BufferSchedule.lastUses(lowered, running)
        for (step, stage) in running.enumerated() {
            let kernel = stage.kernel
            let inPlace = reusesMemory ? inPlaceBuffer(stage, step: step) : nil
            for (index, result) in stage.results.enumerated() {
                let end = max(step, lastUse[result] ?? step) + 1
                if index == 0, let inPlace {
                    buffers[inPlace].lifetime = buffers[inPlace].lifetime.lowerBound..<end
                    bufferOf[result] = inPlace
                } else {
                    buffers.append(.init(label: graph[result].name, byteCount: lowered.storedByteCount(result), lifetime: step..<end))
                    bufferOf[result] = buffers.count - 1
                }
            }
            if kernel.scratchByteCount > 0 {
                buffers.append(.init(label: "scratch of \(graph.name(of: stage.node))", byteCount: kernel.scratchByteCount, lifetime: step..<(step + 1)))
            }
            steps.append((stage, kernel.scratchByteCount > 0 ? buffers.count - 1 : nil))
        }
        if !reusesMemory { for index in buffers.indices { buffers[index].lifetime = 0..<max(1, running.count + 1) } }
        takeOutputs()
    }

    /// Buffers that are all of an output leave the arena.
    private mutating func takeOutputs() {
        var outputs: [Int: Int] = [:]
        for (index, output) in lowered.graph.outputs.enumerated() {
            guard let buffer = bufferOf[lowered.root(output.value).value], outputs[buffer] == nil,
                buffers[buffer].byteCount == lowered.graph.type(output.value).byteCount
            else { continue }
            outputs[buffer] = index
        }
        var others: [MemoryPlan.Buffer] = []
        for (index, buffer) in buffers.enumerated() {
            places.append(outputs[index].map(Place.output) ?? .buffer(others.count))
            if outputs[index] == nil { others.append(buffer) }
        }
        buffers = others
        steps = steps.map { step in
            guard let scratch = step.scratch, case .buffer(let place) = places[scratch] else { return step }
            return (step.stage, place)
        }
    }

    /// Bytes alive at each step.
    var liveBytes: [Int] {
        var changes = [Int](repeating: 0, count: steps.count + 2)
        for buffer in buffers {
            changes[buffer.lifetime.lowerBound] += buffer.alignedByteCount
            changes[buffer.lifetime.upperBound] -= buffer.alignedByteCount
        }
        var live = 0
        return changes.dropLast().map { change in
            live += change
            return live
        }
    }

    /// Where a result that is no view lies; nil for other values.
    func place(of value: ValueID) -> Place? { bufferOf[value].map { places[$0] } }

    /// The last step that reads each value or a view of it; outputs are read after all.
    private static func lastUses(_ lowered: LoweredGraph, _ running: [Stage]) -> [ValueID: Int] {
        var result: [ValueID: Int] = [:]
        for (step, stage) in running.enumerated() {
            for (value, isRead) in stage.operands where isRead { result[lowered.root(value).value] = step }
        }
        for output in lowered.graph.outputs { result[lowered.root(output.value).value] = running.count }
        return result
    }

    /// The buffer that a stage's first result can take over: of an operand that nobody reads later, all of it, and that no other operand shares.
    private func inPlaceBuffer(_ stage: Stage, step: Int) -> Int? {
        let byteCount = lowered.storedByteCount(stage.results[0])
        for index in stage.kernel.inPlaceOperands {
            let root = lowered.root(stage.operands[index].value).value
            guard let buffer = bufferOf[root], lastUse[root] == step, buffers[buffer].byteCount == byteCount, lowered.storedByteCount(root) == byteCount,
                !stage.operands.enumerated().contains(where: { $0.offset != index && lowered.root($0.element.value).value == root })
            else { continue }
            return buffer
        }
        return nil
    }
}

extension Graph {
    /// The nodes with each one directly in front of the first that reads it, or at the end: nothing waits in memory for its reader.
    func latestOrder() -> [NodeID] {
        func producers(_ id: NodeID) -> [NodeID] {
            var seen: Set<NodeID> = []
            return self[id].operands.compactMap(producer).filter { seen.insert($0).inserted }
        }
        var waitingReaders: [NodeID: Int] = [:]
        for id in order { for producer in producers(id) { waitingReaders[producer, default: 0] += 1 } }
        // From the back: a node has its place as soon as all that read it have theirs.
        var ready = order.filter { waitingReaders[$0] == nil }
        var result: [NodeID] = []
        result.reserveCapacity(order.count)
        while let id = ready.popLast() {
            result.append(id)
            for producer in producers(id) {
                waitingReaders[producer]! -= 1
                if waitingReaders[producer] == 0 { ready.append(producer) }
            }
        }
        return result.reversed()
    }
}
