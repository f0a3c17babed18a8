import Foundation
import Tensors

/// How often what runs strip by strip runs.
public struct StripCount: Hashable, Sendable {
    public var strips: Int
    /// Of the last node's first result.
    public var rowsPerStrip: Int
}

/// Kernels of which each computes as many rows as the ones behind it need for the next strip of the last one's result, and no row twice.
///
/// A value between them is a window of rows that moves on with the strips. What a window holds, and so what memory the pipeline needs, follows from going through its strips
/// without computing anything. Windows of which no row waits for the next strip are there only while a strip needs them, and share memory.
struct StripPipeline: Sendable {
    struct Operand: Sendable {
        enum Source: Hashable, Sendable {
            /// The first result of a kernel in front.
            case kernel(Int)
            /// An operand of the pipeline, in memory as a whole.
            case whole(Int)
            case nowhere
        }

        var source: Source
        /// Bytes of a row as the kernel counts them, and as its source does.
        var rowByteCount = 1
        var sourceRowByteCount = 1
    }

    struct Node: Sendable {
        var kernel: Kernel
        var operands: [Operand]
        var rowCount: Int
        /// In memory.
        var rowByteCount: Int
        /// Where its packings begin among the pipeline's.
        var firstPacking: Int

        var strips: StripKernel { kernel.strips! }
    }

    let nodes: [Node]
    /// Whether the last kernel's first result is one of the pipeline's, and whether it sums it up to another.
    let keepsResult: Bool
    let sums: Bool
    let rowsPerStrip: Int

    /// The rows that a kernel's first result has, and those of its window.
    private struct Progress {
        /// Rows that are computed, and where the window in memory begins.
        var done: [Int]
        var base: [Int]
    }

    /// What a strip computes, and from which row on windows hold what it and later ones read.
    private struct Strip {
        var ends: [Int]
        var keeps: [Int]
    }

    private var last: Int { nodes.count - 1 }

    /// All first results but one that is kept as a whole. That of a last kernel that only sums holds the strip at hand.
    private func hasWindow(_ index: Int) -> Bool { index < last || !keepsResult }

    private func step(_ index: Int) -> Int { index == last && sums ? nodes[index].strips.summingRowStep! : nodes[index].strips.rowStep }

    /// The readers of each kernel's first result.
    private let readers: [[(node: Int, operand: Int)]]

    /// Rows of a source that a kernel reads for rows of its own result.
    private func reads(_ node: Int, _ operand: Int, _ rows: Range<Int>) -> Range<Int> {
        let (map, place) = (nodes[node].strips.reads[operand]!, nodes[node].operands[operand])
        let range = map(rows)
        guard place.rowByteCount != place.sourceRowByteCount else { return range }
        return range.lowerBound * place.rowByteCount / place.sourceRowByteCount..<(range.upperBound * place.rowByteCount + place.sourceRowByteCount - 1)
            / place.sourceRowByteCount
    }

    /// The rows that a kernel computes next, if it computes at least some.
    private func nextRows(_ node: Int, from done: Int) -> Range<Int> { done..<min(nodes[node].rowCount, done + step(node)) }

    private func nextStrip(_ progress: Progress) -> Strip? {
        guard progress.done[last] < nodes[last].rowCount else { return nil }
        var strip = Strip(ends: progress.done, keeps: progress.done)
        // What the next rows of the last result need.
        strip.ends[last] = min(nodes[last].rowCount, progress.done[last] + rowsPerStrip)
        for index in nodes.indices.dropLast().reversed() {
            var (end, keep) = (progress.done[index], progress.done[index])
            for (reader, operand) in readers[index] where progress.done[reader] < nodes[reader].rowCount {
                let wanted = progress.done[reader]..<strip.ends[reader]
                if !wanted.isEmpty { end = max(end, reads(reader, operand, wanted).upperBound) }
                keep = min(keep, reads(reader, operand, nextRows(reader, from: progress.done[reader])).lowerBound)
            }
            let step = step(index)
            strip.ends[index] = min(nodes[index].rowCount, (end + step - 1) / step * step)
            strip.keeps[index] = keep
        }
        // Of these, no more at once than a strip's share. Otherwise the first strip would fill windows with the rows that all kernels are ahead of the last.
        for index in nodes.indices {
            let (done, step) = (progress.done[index], step(index))
            var rows = strip.ends[index] - done
            rows = min(rows, max(step, (rowsPerStrip * nodes[index].rowCount / nodes[last].rowCount + step - 1) / step * step))
            while rows > 0, !areThere(index, done..<(done + rows), strip.ends) { rows = (rows - 1) / step * step }
            strip.ends[index] = done + rows
        }
        return strip
    }

    /// Whether sources have been computed as far as a kernel reads them.
    private func areThere(_ index: Int, _ rows: Range<Int>, _ ends: [Int]) -> Bool {
        nodes[index].operands.enumerated().allSatisfy { operand, place in
            guard case .kernel(let source) = place.source else { return true }
            return reads(index, operand, rows).upperBound <= ends[source]
        }
    }

    /// The most rows of each window.
    private(set) var windowRows: [Int] = []
    private(set) var scratchByteCount = 0
    /// Those that add to the last result.
    private(set) var stripCount = 0
    private var windowOffsets: [Int] = []
    private var stateOffset = 0
    private var kernelScratchOffsets: [Int] = []
    /// Operands whose memory the result may take over, since each of their rows is read before it is written.
    private(set) var inPlaceOperands: [Int] = []

    /// - Parameters:
    ///   - measuredStrips: how many are gone through, where an estimate will do.
    ///   - kernelScratch: what a kernel needs for so many rows.
    init(
        nodes: [Node], keepsResult: Bool, sums: Bool, stripRows: Int, measuredStrips: Int = .max,
        kernelScratch: (_ index: Int, _ rows: Int, _ sums: Bool) -> Int
    ) {
        (self.nodes, self.keepsResult, self.sums) = (nodes, keepsResult, sums)
        var readers = [[(node: Int, operand: Int)]](repeating: [], count: nodes.count)
        for (index, node) in nodes.enumerated() {
            for (operand, place) in node.operands.enumerated() { if case .kernel(let source) = place.source { readers[source].append((index, operand)) } }
        }
        self.readers = readers
        let last = nodes.last!
        let step = sums ? last.strips.summingRowStep! : last.strips.rowStep
        rowsPerStrip = max(1, (stripRows + step - 1) / step) * step
        measure(measuredStrips, kernelScratch)
    }

    private mutating func measure(_ most: Int, _ kernelScratch: (_ index: Int, _ rows: Int, _ sums: Bool) -> Int) {
        windowRows = [Int](repeating: 0, count: nodes.count)
        /// What each kernel needs while it runs, and whether rows of its result wait for a later strip.
        var (scratch, waits) = (windowRows, nodes.map { _ in false })
        var progress = Progress(done: windowRows, base: windowRows)
        var candidates = keepsResult ? overwritableOperands() : []
        while stripCount < most, let strip = nextStrip(progress) {
            if strip.ends[last] > progress.done[last] { stripCount += 1 }
            for index in nodes.indices {
                let rows = strip.ends[index] - progress.done[index]
                if hasWindow(index) {
                    windowRows[index] = max(windowRows[index], strip.ends[index] - strip.keeps[index])
                    if strip.keeps[index] < progress.done[index] { waits[index] = true }
                }
                guard rows > 0 else { continue }
                scratch[index] = max(scratch[index], kernelScratch(index, rows, index == last && sums))
            }
            progress.done = strip.ends
            candidates.removeAll { !isReadOnlyFrom(strip.ends[last], $0, progress) }
        }
        inPlaceOperands = candidates
        var buffers = nodes.indices.map { index in
            let lastReader = readers[index].map(\.node).max() ?? index
            return MemoryPlan.Buffer(
                label: "", byteCount: hasWindow(index) ? windowRows[index] * nodes[index].rowByteCount : 0,
                lifetime: waits[index] ? 0..<nodes.count : index..<(lastReader + 1))
        }
        buffers += nodes.indices.map { .init(label: "", byteCount: scratch[$0], lifetime: $0..<($0 + 1)) }
        buffers.append(.init(label: "", byteCount: sums ? nodes[last].strips.stateByteCount : 0, lifetime: 0..<nodes.count))
        guard most == .max else { return scratchByteCount = MemoryPlan.largestLiveSum(buffers) }
        let plan = MemoryPlan(buffers)
        scratchByteCount = plan.arenaByteCount
        (windowOffsets, kernelScratchOffsets) = (Array(plan.offsets[..<nodes.count]), Array(plan.offsets[nodes.count..<2 * nodes.count]))
        stateOffset = plan.offsets.last!
    }

    /// Operands of the pipeline that the last kernel may write its result over, as far as that kernel goes.
    private func overwritableOperands() -> [Int] {
        let node = nodes[last]
        return node.kernel.inPlaceOperands.compactMap { operand in
            guard case .whole(let whole) = node.operands[operand].source, node.strips.reads[operand] != nil,
                node.operands[operand].sourceRowByteCount == node.rowByteCount,
                !node.operands.enumerated().contains(where: { $0.offset != operand && $0.element.source == .whole(whole) })
            else { return nil }
            return whole
        }
    }

    /// Whether what is still to be computed reads no row of an operand in front of a row.
    private func isReadOnlyFrom(_ row: Int, _ whole: Int, _ progress: Progress) -> Bool {
        nodes.enumerated().allSatisfy { index, node in
            progress.done[index] == node.rowCount
                || node.operands.enumerated().allSatisfy { operand, place in
                    guard place.source == .whole(whole) else { return true }
                    guard node.strips.reads[operand] != nil, place.sourceRowByteCount == nodes[last].rowByteCount else { return false }
                    return reads(index, operand, nextRows(index, from: progress.done[index])).lowerBound >= row
                }
        }
    }

    /// Computes all strips, or as many as are wanted.
    func run(_ arguments: KernelArguments) {
        var progress = Progress(done: nodes.map { _ in 0 }, base: nodes.map { _ in 0 })
        while let strip = nextStrip(progress) {
            run(strip, &progress, arguments)
            if let goesOn = arguments.goesOn, !goesOn(Double(progress.done[last]) / Double(nodes[last].rowCount)) { return }
        }
    }

    private func run(_ strip: Strip, _ progress: inout Progress, _ arguments: KernelArguments) {
        for index in nodes.indices where hasWindow(index) {
            // Rows that nobody reads any more make room.
            let (row, window) = (nodes[index].rowByteCount, arguments.scratch + windowOffsets[index])
            let kept = progress.done[index] - strip.keeps[index]
            if kept > 0, strip.keeps[index] > progress.base[index] {
                memmove(window, window + (strip.keeps[index] - progress.base[index]) * row, kept * row)
            }
            progress.base[index] = strip.keeps[index]
        }
        /// Where row 0 of a kernel's first result is or would be.
        func firstRow(_ index: Int) -> UnsafeMutableRawPointer {
            guard hasWindow(index) else { return arguments.results[0] }
            let offset = windowOffsets[index] - progress.base[index] * nodes[index].rowByteCount
            return UnsafeMutableRawPointer(bitPattern: UInt(bitPattern: arguments.scratch) &+ UInt(bitPattern: offset))!
        }
        for (index, node) in nodes.enumerated() where strip.ends[index] > progress.done[index] {
            let operands = node.operands.map { operand in
                switch operand.source {
                case .kernel(let source): firstRow(source)
                case .whole(let whole): arguments.operands[whole]
                case .nowhere: arguments.scratch
                }
            }
            let summing = index == last && sums
            let results = [firstRow(index)] + (summing ? [arguments.results[keepsResult ? 1 : 0]] : [])
            node.strips.run(
                KernelArguments(
                    operands: operands, results: results,
                    packed: Array(arguments.packed[node.firstPacking..<(node.firstPacking + node.kernel.packings.count)]),
                    scratch: arguments.scratch + kernelScratchOffsets[index], pool: arguments.pool),
                progress.done[index]..<strip.ends[index], summing ? arguments.scratch + stateOffset : nil)
        }
        progress.done = strip.ends
    }
}
