import Files
import GraphIR
import Tensors

/// That a program does not fit into what it may take.
struct MemoryShortage: Error {
    var graph = ""
    var limit = 0
    /// The least that was found.
    var leastByteCount: Int

    var inputError: InputError {
        InputError(
            "'\(graph)' takes at least \(Units.bytes(leastByteCount)) of memory, and may take \(Units.bytes(limit))", advice: "Set a limit of that much.")
    }
}

/// Stages, and where their values lie.
struct ScheduledStages {
    var schedule: BufferSchedule
    var memory: MemoryPlan

    init(_ lowered: LoweredGraph, _ stages: [Stage]) {
        schedule = BufferSchedule(lowered, stages, reusesMemory: lowered.options.reusesMemory)
        memory = MemoryPlan(schedule.buffers)
    }
}

/// Makes a program fit into a limit: values that would take too much are not kept, and what reads them computes them again, strip by strip.
///
///     %a, %a.moments = conv2d(%x, ...) : f32[1, 128, 1024, 1024]@channels_last, f32[1, 128, 2]
///     %scale, %shift = group_statistics(%a.moments, ...)
///     %y = conv2d(%a, %scale, %shift, ...) : f32[1, 128, 1024, 1024]@channels_last
///
/// becomes, if `a` is not kept, three stages: `a` in strips, of which only the sums stay; the statistics; and strips of `a` and `y` in turn.
///
/// Nodes that need all of an image (statistics, attention) end strips by themselves: their results are there before anything that reads them begins. A kernel
/// computes rows by the instructions, and sums them up in the order, that it has without strips (``StripKernel``), so results are the same bits.
final class StripMine {
    private let lowered: LoweredGraph
    /// Nodes that run, in order.
    private let order: [NodeID]
    private let places: [NodeID: Int]
    /// Values that need not be kept, and what makes them.
    private var makers: [ValueID: NodeID] = [:]
    /// The same values, in the order in which they are made.
    private var droppable: [ValueID] = []
    private let operations: [NodeID: Int]
    private var pipelines: [PipelineKey: StripPipeline] = [:]

    private struct PipelineKey: Hashable {
        var nodes: [NodeID]
        var keepsResult: Bool
        var sums: Bool
        var rows: Int
    }

    private var graph: Graph { lowered.graph }

    init(_ lowered: LoweredGraph, _ order: [NodeID]) {
        (self.lowered, self.order) = (lowered, order)
        operations = Dictionary(uniqueKeysWithValues: order.map { ($0, lowered.graph.floatingPointOperations(of: $0)) })
        places = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($0.element, $0.offset) })
        var readers: [ValueID: [(node: NodeID, operand: Int)]] = [:]
        for id in order {
            for index in graph[id].operands.indices where isRead(id, index) {
                readers[lowered.root(graph[id].operands[index]).value, default: []].append((id, index))
            }
        }
        let outputs = Set(graph.outputs.map { lowered.root($0.value).value })
        summed = Set(order.filter { id in graph[id].results.dropFirst().contains { readers[$0] != nil || outputs.contains($0) } })
        for id in order {
            let value = graph[id].results[0]
            guard canStrip(id), graph.type(value).rowCount != nil, !outputs.contains(value), let readers = readers[value] else { continue }
            let areRows = readers.allSatisfy { reader, operand in
                let type = graph.type(graph[reader].operands[operand])
                return canStrip(reader) && lowered.kernels[reader]!.strips!.reads[operand] != nil && type.rowCount != nil
                    && type.byteCount == graph.type(value).byteCount
            }
            guard areRows else { continue }
            makers[value] = id
            droppable.append(value)
        }
    }

    /// Nodes whose sums somebody reads.
    private var summed: Set<NodeID> = []

    /// Whether all that is wanted of a node can be computed in strips.
    private func canStrip(_ id: NodeID) -> Bool {
        guard let strips = lowered.kernels[id]!.strips, graph[id].results.count <= 2 else { return false }
        return !summed.contains(id) || strips.summingRowStep != nil
    }

    private func isRead(_ id: NodeID, _ operand: Int) -> Bool {
        graph[id].op.readsData(ofOperand: operand) && !lowered.kernels[id]!.packedOperands.contains(operand)
    }

    // MARK: stages

    /// What runs where some values are not kept.
    ///
    /// - Parameter rows: of a strip, where it shall have more than the least.
    private func stages(without dropped: Set<ValueID>, rows: [NodeID: Int] = [:]) -> [Stage] {
        order.compactMap { id in
            let keepsResult = !dropped.contains(graph[id].results[0])
            guard keepsResult || summed.contains(id) else { return nil }
            let nodes = cone(id, dropped)
            return nodes.count == 1 && keepsResult ? lowered.stage(id) : stage(nodes, without: dropped, rows: rows[id])
        }
    }

    /// A node and all that computes again what it reads and what is not kept, in order.
    private func cone(_ id: NodeID, _ dropped: Set<ValueID>) -> [NodeID] {
        var (seen, waiting): (Set<NodeID>, [NodeID]) = ([id], [id])
        while let next = waiting.popLast() {
            for index in graph[next].operands.indices where isRead(next, index) {
                let value = lowered.root(graph[next].operands[index]).value
                if dropped.contains(value), seen.insert(makers[value]!).inserted { waiting.append(makers[value]!) }
            }
        }
        return seen.sorted { places[$0]! < places[$1]! }
    }

    private func rowByteCount(_ value: ValueID) -> Int { lowered.storedByteCount(value) / (graph.type(value).rowCount ?? 1) }

    /// Rows of a node's first result.
    private func rowCount(_ id: NodeID) -> Int {
        let type = graph.type(graph[id].results[0])
        return type.rowCount ?? type.shape[2]
    }

    private func stage(_ nodes: [NodeID], without dropped: Set<ValueID>, rows: Int?) -> Stage {
        let last = nodes.last!
        let (keepsResult, sums) = (!dropped.contains(graph[last].results[0]), summed.contains(last))
        // Some hundred strips at most, whatever the rows are.
        let rows = rows ?? (rowCount(last) + 511) / 512
        // Operands that lie in memory as a whole, each once.
        var (wholes, wholeIndices): ([ValueID], [ValueID: Int]) = ([], [:])
        let indices = Dictionary(uniqueKeysWithValues: nodes.enumerated().map { ($0.element, $0.offset) })
        var pipelineNodes: [StripPipeline.Node] = []
        var packings: [Packing] = []
        for id in nodes {
            let (node, kernel) = (graph[id], lowered.kernels[id]!)
            let operands = node.operands.enumerated().map { index, value -> StripPipeline.Operand in
                guard isRead(id, index) else { return StripPipeline.Operand(source: .nowhere) }
                let (root, offset) = lowered.root(value)
                // The bytes of a row as this reads it, of what memory holds.
                let byteCount = lowered.storedByteCount(root) / (graph.type(value).rowCount ?? 1)
                if dropped.contains(root) {
                    return StripPipeline.Operand(source: .kernel(indices[makers[root]!]!), rowByteCount: byteCount, sourceRowByteCount: rowByteCount(root))
                }
                let whole = offset == 0 ? root : value
                if wholeIndices[whole] == nil {
                    wholeIndices[whole] = wholes.count
                    wholes.append(whole)
                }
                return StripPipeline.Operand(source: .whole(wholeIndices[whole]!), rowByteCount: byteCount, sourceRowByteCount: byteCount)
            }
            pipelineNodes.append(
                StripPipeline.Node(
                    kernel: kernel, operands: operands, rowCount: rowCount(id),
                    rowByteCount: graph.type(node.results[0]).rowCount == nil ? 0 : rowByteCount(node.results[0]), firstPacking: packings.count))
            packings += kernel.packings
        }
        let key = PipelineKey(nodes: nodes, keepsResult: keepsResult, sums: sums, rows: rows)
        let pipeline = pipelines[key] ?? StripPipeline(nodes: pipelineNodes, keepsResult: keepsResult, sums: sums, stripRows: rows)
        pipelines[key] = pipeline
        let name = nodes.count == 1 ? lowered.kernels[last]!.name + " in strips" : "strips of \(nodes.count) kernels"
        let kernel = Kernel(
            name, scratchByteCount: pipeline.scratchByteCount, inPlaceOperands: pipeline.inPlaceOperands, packings: packings, run: pipeline.run)
        return Stage(
            nodes: nodes, kernel: kernel, operands: wholes.map { ($0, true) },
            results: (keepsResult ? [graph[last].results[0]] : []) + (sums ? [graph[last].results[1]] : []),
            strips: StripCount(strips: pipeline.stripCount, rowsPerStrip: pipeline.rowsPerStrip))
    }

    // MARK: what to keep

    /// What not to keep, and what that comes to.
    private struct Choice {
        var dropped: Set<ValueID> = []
        var stages: [Stage]
        /// Bytes alive at each stage, and the most.
        var live: [Int]
        var peak: Int
        /// Values that could be dropped, and are there when most is alive.
        var atPeak: [ValueID]
        var operations: Int

        /// How far stages are beyond a limit, together.
        func excess(_ limit: Int) -> Int { live.reduce(0) { $0 + max(0, $1 - limit) } }
    }

    private func choice(without dropped: Set<ValueID>) -> Choice {
        let stages = stages(without: dropped)
        let schedule = BufferSchedule(lowered, stages, reusesMemory: lowered.options.reusesMemory)
        let live = schedule.liveBytes
        let peak = live.indices.max { live[$0] < live[$1] } ?? 0
        let atPeak = droppable.filter { value in schedule.buffer(of: value).map { schedule.buffers[$0].lifetime.contains(peak) } ?? false }
        let operations = stages.reduce(0) { $0 + $1.nodes.reduce(0) { $0 + self.operations[$1]! } }
        return Choice(dropped: dropped, stages: stages, live: live, peak: live.max() ?? 0, atPeak: atPeak, operations: operations)
    }

    /// Drops one value after the other, always the one that brings most for the operations that are done again, until no stage is beyond the limit or nothing helps. Where no
    /// value helps by itself, since another would wait in its place, it is dropped with some that are made after it.
    private func drop(from start: Choice, limit: Int) -> Choice {
        var current = start
        while current.peak > limit {
            let excess = current.excess(limit)
            var best: (choice: Choice, gain: Double)?
            func consider(_ values: [ValueID]) {
                let next = choice(without: current.dropped.union(values))
                let less = excess - next.excess(limit)
                guard less > 0 else { return }
                let gain = Double(less) / Double(max(next.operations - current.operations, 1))
                if best == nil || gain > best!.gain { best = (next, gain) }
            }
            for value in current.atPeak { consider([value]) }
            if best == nil {
                for value in current.atPeak {
                    let rest = droppable[droppable.firstIndex(of: value)!...].filter { !current.dropped.contains($0) }.prefix(StripMine.mostTogether)
                    for count in 2..<max(3, rest.count + 1) { consider(Array(rest.prefix(count))) }
                }
            }
            guard let best else { break }
            current = best.choice
        }
        return current
    }

    private static let mostTogether = 48

    /// Keeps again what still fits and saves operations.
    private func keep(_ start: Choice, limit: Int) -> Choice {
        var current = start
        for value in current.dropped.sorted() {
            let next = choice(without: current.dropped.subtracting([value]))
            if next.peak <= limit, next.operations <= current.operations { current = next }
        }
        return current
    }

    /// Larger strips where there is room: more work for threads at a time, and less moving of rows that wait.
    private func enlarged(_ choice: Choice, limit: Int) -> [Stage] {
        var rows: [NodeID: Int] = [:]
        for (index, stage) in choice.stages.enumerated() {
            guard var strips = stage.strips else { continue }
            let room = limit - choice.live[index] + stage.kernel.scratchByteCount
            while strips.strips > 4, strips.rowsPerStrip < StripMine.mostRows {
                let larger = self.stage(stage.nodes, without: choice.dropped, rows: 2 * strips.rowsPerStrip)
                guard larger.kernel.scratchByteCount <= room, larger.kernel.inPlaceOperands == stage.kernel.inPlaceOperands else { break }
                strips = larger.strips!
                rows[stage.node] = strips.rowsPerStrip
            }
        }
        return stages(without: choice.dropped, rows: rows)
    }

    private static let mostRows = 64

    /// Stages that fit into a limit.
    ///
    /// - Parameter whole: all values kept, of which the stages are taken where they fit.
    /// - Throws: ``MemoryShortage`` with the least that was found.
    func fit(_ whole: ScheduledStages, limit: Int) throws -> ScheduledStages {
        guard whole.memory.arenaByteCount > limit else { return whole }
        // Buffers may leave gaps, so that an arena is larger than what is alive.
        var (target, least) = (limit, whole.memory.arenaByteCount)
        for _ in 0..<4 {
            let choice = drop(from: self.choice(without: []), limit: target)
            guard choice.peak <= target else { break }
            let kept = keep(choice, limit: target)
            for stages in [enlarged(kept, limit: target), kept.stages] {
                let scheduled = ScheduledStages(lowered, stages)
                least = min(least, scheduled.memory.arenaByteCount)
                if scheduled.memory.arenaByteCount <= limit { return scheduled }
            }
            target -= max(ScheduledStages(lowered, kept.stages).memory.arenaByteCount - limit, limit / 100)
        }
        var choice = self.choice(without: [])
        while true {
            let next = drop(from: choice, limit: choice.peak - choice.peak / 32 - 1)
            guard next.peak < choice.peak else { break }
            choice = next
            let scheduled = ScheduledStages(lowered, choice.stages)
            least = min(least, scheduled.memory.arenaByteCount)
            if scheduled.memory.arenaByteCount <= limit { return scheduled }
        }
        throw MemoryShortage(leastByteCount: least)
    }

    /// Keeps nothing that need not be kept.
    func everything() -> ScheduledStages { ScheduledStages(lowered, stages(without: Set(makers.keys))) }
}
