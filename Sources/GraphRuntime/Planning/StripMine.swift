import Files
import GraphIR
import Tensors

/// That a program does not fit into what it may take.
struct MemoryShortage: Error {
    var graph = ""
    var limit = 0
    /// The least that was found, and of the arena alone.
    var leastByteCount: Int
    var leastArenaByteCount: Int

    func inputError(_ memory: MemoryUse) -> InputError {
        // Others round otherwise, so that nobody gets them without asking.
        let others = memory == .standard ? " Weights take less with `memory` lean." : ""
        return InputError(
            "'\(graph)' takes at least \(Units.bytes(leastByteCount)) of memory, and may take \(Units.bytes(limit))",
            advice: "Set a limit of that much." + others)
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
    /// Nodes that run, in order; all others here are their indices.
    private let nodes: [Node]
    /// Indices of nodes by their first results.
    private let makers: [ValueID: Int]
    /// Bytes of all results, first ones of nodes before the others.
    private let byteCounts: [Int]
    /// Nodes that read each node's first result.
    private let readers: [[Int]]
    private let isOutput: [Bool]
    /// First results that are written where they stay, outside the arena.
    private let isElsewhere: [Bool]
    private var measured: [[Int32]: Measured] = [:]
    private var kernelScratch: [KernelCall: Int] = [:]
    /// Bounds the search: nodes that may still be gone through.
    private var budget = 3_000_000

    private struct Node {
        var id: NodeID
        var kernel: Kernel
        var operations: Int
        /// Whether somebody reads its second result, the sums of its first.
        var isSummed = false
        /// Whether its first result need not be kept.
        var isDroppable = false
        /// Nodes whose first results it reads.
        var reads: [Int] = []
        /// Other results that it reads, and results that it has besides the first, as indices of ``byteCounts``.
        var otherReads: [Int] = []
        var otherResults: [Int] = []
        /// Of ``reads``: whose memory its first result may take over.
        var overwrites: [Int] = []
    }

    /// What a stage of several nodes, or of one in strips, needs.
    private struct Measured {
        var scratchByteCount: Int
        var overwrites: [Int]
    }

    private struct KernelCall: Hashable {
        var node: Int
        var rows: Int
        var sums: Bool
    }

    private var graph: Graph { lowered.graph }

    init(_ lowered: LoweredGraph, _ order: [NodeID]) {
        let graph = lowered.graph
        self.lowered = lowered
        var nodes = order.map { Node(id: $0, kernel: lowered.kernels[$0]!, operations: graph.floatingPointOperations(of: $0)) }
        var makers: [ValueID: Int] = [:]
        var byteCounts = order.map { lowered.storedByteCount(graph[$0].results[0]) }
        var readers: [[Int]] = order.map { _ in [] }
        let outputs = Set(graph.outputs.map { lowered.root($0.value).value })
        var isOutput = order.map { outputs.contains(graph[$0].results[0]) }
        isElsewhere = order.map { id in
            graph.outputs.contains { output in
                lowered.root(output.value).value == graph[id].results[0] && graph.type(output.value).byteCount == lowered.storedByteCount(graph[id].results[0])
            }
        }
        var others: [ValueID: (index: Int, maker: Int)] = [:]
        for (index, id) in order.enumerated() {
            makers[graph[id].results[0]] = index
            for value in graph[id].results.dropFirst() {
                others[value] = (byteCounts.count, index)
                nodes[index].otherResults.append(byteCounts.count)
                byteCounts.append(lowered.storedByteCount(value))
                isOutput.append(outputs.contains(value))
                if outputs.contains(value) { nodes[index].isSummed = true }
            }
        }
        // Which nodes read each first result otherwise than by rows.
        var isReadWhole = isOutput
        for (index, id) in order.enumerated() {
            let node = graph[id]
            let roots = node.operands.map { lowered.root($0).value }
            for (operand, root) in roots.enumerated() where StripMine.isRead(lowered, id, operand) {
                if let other = others[root] {
                    nodes[index].otherReads.append(other.index)
                    nodes[other.maker].isSummed = true
                }
                guard let maker = makers[root] else { continue }
                if !nodes[index].reads.contains(maker) {
                    nodes[index].reads.append(maker)
                    readers[maker].append(index)
                }
                let type = graph.type(node.operands[operand])
                if nodes[index].kernel.strips?.reads[operand] == nil || type.rowCount == nil || type.byteCount != graph.type(root).byteCount {
                    isReadWhole[maker] = true
                }
            }
            nodes[index].overwrites = nodes[index].kernel.inPlaceOperands.compactMap { operand in
                guard let maker = makers[roots[operand]], byteCounts[maker] == byteCounts[index], roots.count(where: { $0 == roots[operand] }) == 1 else {
                    return nil
                }
                return maker
            }
        }
        /// Whether all that is wanted of a node can be computed in strips.
        func canStrip(_ node: Node) -> Bool {
            guard let strips = node.kernel.strips, graph[node.id].results.count <= 2 else { return false }
            return !node.isSummed || strips.summingRowStep != nil
        }
        for index in nodes.indices {
            nodes[index].isDroppable =
                canStrip(nodes[index]) && graph.type(graph[nodes[index].id].results[0]).rowCount != nil && !isReadWhole[index] && !readers[index].isEmpty
                && readers[index].allSatisfy { canStrip(nodes[$0]) }
        }
        (self.nodes, self.makers, self.byteCounts, self.readers, self.isOutput) = (nodes, makers, byteCounts, readers, isOutput)
    }

    private static func isRead(_ lowered: LoweredGraph, _ id: NodeID, _ operand: Int) -> Bool {
        lowered.graph[id].op.readsData(ofOperand: operand) && !lowered.kernels[id]!.packedOperands.contains(operand)
    }

    // MARK: stages

    /// A node whose results somebody wants, last, and all that computes again what it reads and what is not kept.
    private struct Cone {
        var nodes: [Int]
        var keepsResult: Bool
        /// Whether it is a node by itself that runs as a whole.
        var isWhole: Bool { nodes.count == 1 && keepsResult }
    }

    private func cones(without dropped: [Bool]) -> [Cone] {
        var seen = [Int](repeating: -1, count: nodes.count)
        return nodes.indices.compactMap { last in
            guard !dropped[last] || nodes[last].isSummed else { return nil }
            var (cone, next) = ([last], 0)
            seen[last] = last
            while next < cone.count {
                for maker in nodes[cone[next]].reads where dropped[maker] && seen[maker] != last {
                    seen[maker] = last
                    cone.append(maker)
                }
                next += 1
            }
            budget -= cone.count
            return Cone(nodes: cone.sorted(), keepsResult: !dropped[last])
        }
    }

    private func rowByteCount(_ index: Int) -> Int { byteCounts[index] / (graph.type(graph[nodes[index].id].results[0]).rowCount ?? 1) }

    /// Rows of a node's first result.
    private func rowCount(_ index: Int) -> Int {
        let type = graph.type(graph[nodes[index].id].results[0])
        return type.rowCount ?? type.shape[2]
    }

    /// - Parameters:
    ///   - rows: of a strip, where it shall have more than the least.
    ///   - measuredStrips: how many are gone through, where an estimate will do.
    private func pipeline(_ cone: Cone, rows: Int?, measuredStrips: Int = .max) -> (pipeline: StripPipeline, wholes: [ValueID], packings: [Packing]) {
        let last = cone.nodes.last!
        // Operands that lie in memory as a whole, each once.
        var (wholes, wholeIndices): ([ValueID], [ValueID: Int]) = ([], [:])
        let places = Dictionary(uniqueKeysWithValues: cone.nodes.enumerated().map { ($0.element, $0.offset) })
        var parts: [StripPipeline.Node] = []
        var packings: [Packing] = []
        for index in cone.nodes {
            let (node, kernel) = (graph[nodes[index].id], nodes[index].kernel)
            let operands = node.operands.enumerated().map { operand, value -> StripPipeline.Operand in
                guard StripMine.isRead(lowered, nodes[index].id, operand) else { return StripPipeline.Operand(source: .nowhere) }
                let (root, offset) = lowered.root(value)
                // The bytes of a row as this reads it, of what memory holds.
                let byteCount = lowered.storedByteCount(root) / (graph.type(value).rowCount ?? 1)
                if let maker = makers[root], maker != last, let place = places[maker] {
                    return StripPipeline.Operand(source: .kernel(place), rowByteCount: byteCount, sourceRowByteCount: rowByteCount(maker))
                }
                let whole = offset == 0 ? root : value
                if wholeIndices[whole] == nil {
                    wholeIndices[whole] = wholes.count
                    wholes.append(whole)
                }
                return StripPipeline.Operand(source: .whole(wholeIndices[whole]!), rowByteCount: byteCount, sourceRowByteCount: byteCount)
            }
            parts.append(
                StripPipeline.Node(
                    kernel: kernel, operands: operands, rowCount: rowCount(index),
                    rowByteCount: graph.type(node.results[0]).rowCount == nil ? 0 : rowByteCount(index), firstPacking: packings.count))
            packings += kernel.packings
        }
        // Some hundred strips at most, whatever the rows are.
        let pipeline = StripPipeline(
            nodes: parts, keepsResult: cone.keepsResult, sums: nodes[last].isSummed, stripRows: rows ?? (rowCount(last) + 511) / 512,
            measuredStrips: measuredStrips
        ) { place, rows, sums in
            let call = KernelCall(node: cone.nodes[place], rows: rows, sums: sums)
            if let known = kernelScratch[call] { return known }
            let byteCount = nodes[call.node].kernel.strips!.scratchByteCount(rows, sums)
            kernelScratch[call] = byteCount
            return byteCount
        }
        return (pipeline, wholes, packings)
    }

    private func stage(_ cone: Cone, rows: Int? = nil) -> Stage {
        let last = nodes[cone.nodes.last!]
        guard !cone.isWhole else { return lowered.stage(last.id) }
        let (pipeline, wholes, packings) = pipeline(cone, rows: rows)
        let name = cone.nodes.count == 1 ? last.kernel.name + " in strips" : "strips of \(cone.nodes.count) kernels"
        let kernel = Kernel(
            name, scratchByteCount: pipeline.scratchByteCount, inPlaceOperands: pipeline.inPlaceOperands, packings: packings, run: pipeline.run)
        let results = graph[last.id].results
        return Stage(
            nodes: cone.nodes.map { nodes[$0].id }, kernel: kernel, operands: wholes.map { ($0, true) },
            results: (cone.keepsResult ? [results[0]] : []) + (last.isSummed ? [results[1]] : []),
            strips: StripCount(strips: pipeline.stripCount, rowsPerStrip: pipeline.rowsPerStrip))
    }

    // MARK: what to keep

    /// What not to keep, and what that comes to: by an estimate, of which the schedule is made in the end.
    private struct Choice {
        var dropped: [Bool]
        var cones: [Cone]
        /// Bytes alive at each stage, and the most.
        var live: [Int]
        var peak: Int
        /// The stage where most is alive, and the values that are there then and need not be, largest first.
        var fullest: Int
        var droppable: [Int]
        var operations: Int

        /// How far stages are beyond a limit, together.
        func excess(_ limit: Int) -> Int { live.reduce(0) { $0 + max(0, $1 - limit) } }
    }

    /// Windows have their sizes after some strips.
    private static let measuredStrips = 24

    private func measure(_ cone: Cone) -> Measured {
        let last = nodes[cone.nodes.last!]
        guard !cone.isWhole else { return Measured(scratchByteCount: last.kernel.scratchByteCount, overwrites: last.overwrites) }
        let key = (cone.nodes + [cone.keepsResult ? -1 : -2]).map(Int32.init)
        if let known = measured[key] { return known }
        budget -= cone.nodes.count * StripMine.measuredStrips
        let (pipeline, wholes, _) = pipeline(cone, rows: nil, measuredStrips: StripMine.measuredStrips)
        let result = Measured(scratchByteCount: pipeline.scratchByteCount, overwrites: pipeline.inPlaceOperands.compactMap { makers[wholes[$0]] })
        measured[key] = result
        return result
    }

    private func choice(without dropped: [Bool]) -> Choice {
        let cones = cones(without: dropped)
        let stages = cones.map { (cone: $0, measured: measure($0)) }
        // When what is kept is read for the last time.
        var lastUse = isOutput.map { $0 ? cones.count : -1 }
        for (stage, cone) in cones.enumerated() {
            for node in cone.nodes {
                for value in nodes[node].reads where !dropped[value] { lastUse[value] = max(lastUse[value], stage) }
                for value in nodes[node].otherReads { lastUse[value] = max(lastUse[value], stage) }
            }
        }
        func aligned(_ byteCount: Int) -> Int { (byteCount + Storage.alignment - 1) / Storage.alignment * Storage.alignment }
        var (births, ends) = ([Int](repeating: 0, count: byteCounts.count), [Int](repeating: -1, count: byteCounts.count))
        var changes = [Int](repeating: 0, count: cones.count + 2)
        var overwritten = [Int?](repeating: nil, count: nodes.count)
        for (stage, (cone, measured)) in stages.enumerated() {
            let last = cone.nodes.last!
            changes[stage] += aligned(measured.scratchByteCount)
            changes[stage + 1] -= aligned(measured.scratchByteCount)
            func add(_ value: Int) { (births[value], ends[value]) = (stage, max(stage, lastUse[value]) + 1) }
            if cone.keepsResult {
                add(last)
                if let taken = measured.overwrites.first(where: { !dropped[$0] && lastUse[$0] == stage && byteCounts[$0] == byteCounts[last] }) {
                    ends[taken] = stage
                    overwritten[last] = taken
                }
            }
            for value in nodes[last].otherResults { add(value) }
        }
        for output in nodes.indices where isElsewhere[output] {
            var next: Int? = output
            while let value = next { (ends[value], next) = (births[value], overwritten[value]) }
        }
        for value in byteCounts.indices where ends[value] > births[value] {
            changes[births[value]] += aligned(byteCounts[value])
            changes[ends[value]] -= aligned(byteCounts[value])
        }
        var sum = 0
        let live = changes.prefix(cones.count + 1).map { change in
            sum += change
            return sum
        }
        let fullest = live.indices.max { live[$0] < live[$1] } ?? 0
        let atPeak = nodes.indices.filter { nodes[$0].isDroppable && !dropped[$0] && births[$0] <= fullest && fullest < max(ends[$0], births[$0] + 1) }
        return Choice(
            dropped: dropped, cones: cones, live: live, peak: live[fullest], fullest: fullest, droppable: atPeak.sorted { byteCounts[$0] > byteCounts[$1] },
            operations: cones.reduce(0) { $0 + $1.nodes.reduce(0) { $0 + nodes[$1].operations } })
    }

    private var nothing: [Bool] { nodes.map { _ in false } }

    /// What need not be kept and is not computed a second time for that: only one stage computes it.
    private func free() -> [Bool] {
        var dropped = nothing
        var stages = [Int?](repeating: nil, count: nodes.count)
        for index in nodes.indices.reversed() where nodes[index].isDroppable && !nodes[index].isSummed {
            let owners = Set(readers[index].map { dropped[$0] ? stages[$0]! : $0 })
            guard owners.count == 1 else { continue }
            (dropped[index], stages[index]) = (true, owners.first)
        }
        return dropped
    }

    /// Drops values, or keeps dropped ones again, always what brings most for the operations that are done again, until no stage is beyond the limit or nothing helps.
    /// Where no value helps by itself, since another would wait in its place, it is dropped with some that are made after it.
    private func improve(_ start: Choice, limit: Int) -> Choice {
        var current = start
        while current.peak > limit, budget > 0 {
            let excess = current.excess(limit)
            var best: (choice: Choice, gain: Double)?
            func consider(_ values: some Sequence<Int>, dropped: Bool) {
                guard budget > 0 else { return }
                var others = current.dropped
                for value in values { others[value] = dropped }
                let next = choice(without: others)
                let less = excess - next.excess(limit)
                guard less > 0 else { return }
                let gain = Double(less) / Double(max(next.operations - current.operations, 1))
                if best == nil || gain > best!.gain { best = (next, gain) }
            }
            let candidates = current.droppable.prefix(StripMine.mostCandidates)
            for value in candidates { consider([value], dropped: true) }
            if current.fullest < current.cones.count {
                let waiting = current.cones[current.fullest].nodes.filter { current.dropped[$0] }
                for value in waiting.sorted(by: { byteCounts[$0] < byteCounts[$1] }).prefix(StripMine.mostCandidates) { consider([value], dropped: false) }
            }
            if best == nil {
                for value in candidates {
                    let rest = nodes.indices[value...].filter { nodes[$0].isDroppable && !current.dropped[$0] }
                    for count in [2, 3, 4, 6, 8, 12, 16, 24, 32, 48] where count <= rest.count { consider(rest.prefix(count), dropped: true) }
                }
            }
            guard let best else { break }
            current = best.choice
        }
        return current
    }

    private static let mostCandidates = 24

    /// Keeps again what still fits and saves operations, most first.
    private func keep(_ start: Choice, limit: Int) -> Choice {
        var current = start
        var uses = nodes.map { _ in 0 }
        for cone in start.cones { for node in cone.nodes { uses[node] += 1 } }
        let repeated = nodes.indices.filter { start.dropped[$0] && uses[$0] > 1 }
        for value in repeated.sorted(by: { uses[$0] * nodes[$0].operations > uses[$1] * nodes[$1].operations }) where budget > 0 {
            var dropped = current.dropped
            dropped[value] = false
            let next = choice(without: dropped)
            if next.peak <= limit, next.operations < current.operations { current = next }
        }
        return current
    }

    /// Larger strips where there is room: more work for threads at a time, and less moving of rows that wait.
    private func enlarged(_ choice: Choice, limit: Int) -> [Stage] {
        zip(choice.cones, choice.live).map { cone, live in
            var stage = stage(cone)
            guard !cone.isWhole else { return stage }
            let room = limit - live + stage.kernel.scratchByteCount
            while let strips = stage.strips, strips.strips > 4, strips.rowsPerStrip < StripMine.mostRows {
                let larger = self.stage(cone, rows: 2 * strips.rowsPerStrip)
                guard larger.kernel.scratchByteCount <= room, larger.kernel.inPlaceOperands == stage.kernel.inPlaceOperands else { break }
                stage = larger
            }
            return stage
        }
    }

    private static let mostRows = 64

    /// Stages that fit into a limit.
    ///
    /// - Parameter whole: all values kept, of which the stages are taken where they fit.
    /// - Throws: ``MemoryShortage`` with the least that was found.
    func fit(_ whole: ScheduledStages, limit: Int) throws -> ScheduledStages {
        guard whole.memory.arenaByteCount > limit else { return whole }
        var least = whole.memory.arenaByteCount
        func scheduled(_ stages: [Stage]) -> ScheduledStages {
            let scheduled = ScheduledStages(lowered, stages)
            least = min(least, scheduled.memory.arenaByteCount)
            return scheduled
        }
        let starts = [choice(without: free()), choice(without: nothing), choice(without: nodes.map(\.isDroppable))]
        // Buffers may leave gaps, and windows grow beyond the estimate, so that an arena is larger than what is alive.
        var target = limit
        for _ in 0..<4 where target > 0 {
            let found = starts.map { improve($0, limit: target) }.filter { $0.peak <= target }
            guard let choice = found.min(by: { $0.operations < $1.operations }) else { break }
            let kept = keep(choice, limit: target)
            let large = scheduled(enlarged(kept, limit: target))
            if large.memory.arenaByteCount <= limit { return large }
            let small = scheduled(kept.cones.map { stage($0) })
            if small.memory.arenaByteCount <= limit { return small }
            target -= max(small.memory.arenaByteCount - limit, limit / 100)
        }
        // Alike for all limits, so that the least that is named is enough.
        budget = 5_000_000
        for start in starts {
            var choice = start
            while true {
                let scheduled = scheduled(choice.cones.map { stage($0) })
                if scheduled.memory.arenaByteCount <= limit { return scheduled }
                let next = improve(choice, limit: choice.peak - choice.peak / 32 - 1)
                guard next.peak < choice.peak else { break }
                choice = next
            }
        }
        throw MemoryShortage(leastByteCount: least, leastArenaByteCount: least)
    }

    /// Keeps nothing that need not be kept.
    func everything() -> ScheduledStages { ScheduledStages(lowered, cones(without: nodes.map(\.isDroppable)).map { stage($0) }) }
}
