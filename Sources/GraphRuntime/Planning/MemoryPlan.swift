import Tensors

/// Where each buffer of a schedule lies in one arena.
public struct MemoryPlan: Sendable {
    /// Something that needs memory from one step of the schedule up to (not including) another.
    public struct Buffer: Hashable, Sendable {
        public var label: String
        public var byteCount: Int
        /// Half-open, in steps.
        public var lifetime: Range<Int>

        public init(label: String, byteCount: Int, lifetime: Range<Int>) {
            self.label = label
            self.byteCount = byteCount
            self.lifetime = lifetime
        }

        var alignedByteCount: Int { (byteCount + Storage.alignment - 1) / Storage.alignment * Storage.alignment }
    }

    public let buffers: [Buffer]
    public let offsets: [Int]
    public let arenaByteCount: Int
    /// The name of the strategy that won.
    public let strategy: String

    /// No plan can need less: the most that is alive at one step.
    public var lowerBound: Int { MemoryPlan.largestLiveSum(buffers) }

    /// Tries several orders of placement and keeps the one with the smallest arena.
    public init(_ buffers: [Buffer]) {
        self.buffers = buffers
        var best: (offsets: [Int], size: Int, name: String)?
        let bound = MemoryPlan.largestLiveSum(buffers)
        for strategy in Strategy.allCases {
            let (offsets, size) = MemoryPlan.place(buffers, strategy)
            if best == nil || size < best!.size { best = (offsets, size, strategy.rawValue) }
            if size == bound { break }
        }
        (offsets, arenaByteCount, strategy) = best!
    }

    /// A plan made elsewhere, to be checked.
    public init(_ buffers: [Buffer], offsets: [Int]) {
        precondition(buffers.count == offsets.count)
        self.buffers = buffers
        self.offsets = offsets
        arenaByteCount = zip(buffers, offsets).map { $0.alignedByteCount + $1 }.max() ?? 0
        strategy = "given"
    }

    /// The order in which buffers are given their place; each goes to the best gap among those already placed.
    enum Strategy: String, CaseIterable {
        case bySize = "greedy by size"
        case byArea = "greedy by size and lifetime"
        case byLifetime = "greedy by lifetime"
        case byStart = "best fit in order of the schedule"

        func precedes(_ a: Buffer, _ b: Buffer) -> Bool {
            let key: (Buffer) -> (Int, Int) =
                switch self {
                case .bySize: { (-$0.byteCount, -$0.lifetime.count) }
                case .byArea: { (-$0.byteCount * $0.lifetime.count, -$0.byteCount) }
                case .byLifetime: { (-$0.lifetime.count, -$0.byteCount) }
                case .byStart: { ($0.lifetime.lowerBound, -$0.byteCount) }
                }
            return key(a) < key(b)
        }
    }

    private static func place(_ buffers: [Buffer], _ strategy: Strategy) -> (offsets: [Int], size: Int) {
        let order = buffers.indices.sorted {
            strategy.precedes(buffers[$0], buffers[$1]) || (!strategy.precedes(buffers[$1], buffers[$0]) && $0 < $1)
        }
        var offsets = [Int](repeating: 0, count: buffers.count)
        var placed: [Int] = []  // by rising offset
        var size = 0
        for index in order {
            let buffer = buffers[index]
            let need = buffer.alignedByteCount
            var end = 0
            var best: (offset: Int, gap: Int)?
            for other in placed where buffers[other].lifetime.overlaps(buffer.lifetime) {
                let gap = offsets[other] - end
                if gap >= need, best == nil || gap < best!.gap { best = (end, gap) }
                end = max(end, offsets[other] + buffers[other].alignedByteCount)
            }
            let offset = best?.offset ?? end
            offsets[index] = offset
            let position = placed.firstIndex { offsets[$0] > offset } ?? placed.count
            placed.insert(index, at: position)
            size = max(size, offset + need)
        }
        return (offsets, size)
    }

    static func largestLiveSum(_ buffers: [Buffer]) -> Int {
        var changes: [Int: Int] = [:]
        for buffer in buffers where !buffer.lifetime.isEmpty {
            changes[buffer.lifetime.lowerBound, default: 0] += buffer.alignedByteCount
            changes[buffer.lifetime.upperBound, default: 0] -= buffer.alignedByteCount
        }
        var live = 0
        var largest = 0
        for step in changes.keys.sorted() {
            live += changes[step]!
            largest = max(largest, live)
        }
        return largest
    }

    /// Checks by brute force that no two buffers share a byte at the same step, and that all lie aligned in the arena.
    public func violations() -> [String] {
        var found: [String] = []
        for (index, buffer) in buffers.enumerated() {
            let range = offsets[index]..<(offsets[index] + buffer.byteCount)
            if offsets[index] < 0 || range.upperBound > arenaByteCount { found.append("\(buffer.label) lies outside the arena") }
            if offsets[index] % Storage.alignment != 0 { found.append("\(buffer.label) is not aligned") }
            for other in buffers.indices.dropFirst(index + 1) {
                let otherRange = offsets[other]..<(offsets[other] + buffers[other].byteCount)
                if buffer.lifetime.overlaps(buffers[other].lifetime), range.overlaps(otherRange) {
                    found.append("\(buffer.label) and \(buffers[other].label) share memory")
                }
            }
        }
        return found
    }
}
