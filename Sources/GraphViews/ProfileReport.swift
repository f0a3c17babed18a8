import Files

/// Where the time of some runs went, by node and by kind of op.
public struct ProfileReport: Codable, Hashable, Sendable {
    public struct NodeLine: Codable, Hashable, Sendable {
        public var program: String
        public var node: String
        public var op: String
        public var kernel: String
        /// Why that kernel, where there was a choice.
        public var choice: String?
        public var calls: Int
        public var totalSeconds: Double
        public var fastestSeconds: Double
        /// Of one call.
        public var cost: NodeCost
        /// Where it is the last of nodes that run strip by strip: how, and which.
        public var strips: Schedule.Strips?

        public var meanSeconds: Double { calls > 0 ? totalSeconds / Double(calls) : 0 }
    }

    public struct KindLine: Codable, Hashable, Sendable {
        public var op: String
        public var nodes: Int
        public var calls: Int
        public var totalSeconds: Double
        /// Of all calls.
        public var cost: NodeCost
    }

    public struct ProgramLine: Codable, Hashable, Sendable {
        public var program: String
        public var runs: Int
        public var totalSeconds: Double

        public init(program: String, runs: Int, totalSeconds: Double) {
            self.program = program
            self.runs = runs
            self.totalSeconds = totalSeconds
        }
    }

    public var schema = "deblurdiff.profile/1"
    /// In the order in which they first ran.
    public var programs: [ProgramLine]
    /// Longest first.
    public var kinds: [KindLine]
    /// Longest first.
    public var nodes: [NodeLine]

    init(programs: [ProgramLine], nodes: [NodeLine]) {
        self.programs = programs
        self.nodes = nodes.sorted { ($1.totalSeconds, $0.program, $0.node) < ($0.totalSeconds, $1.program, $1.node) }
        var kinds: [String: KindLine] = [:]
        for line in nodes {
            var kind = kinds[line.op] ?? KindLine(op: line.op, nodes: 0, calls: 0, totalSeconds: 0, cost: NodeCost())
            kind.nodes += 1
            kind.calls += line.calls
            kind.totalSeconds += line.totalSeconds
            kind.cost += line.cost.times(line.calls)
            kinds[line.op] = kind
        }
        self.kinds = kinds.values.sorted { ($1.totalSeconds, $0.op) < ($0.totalSeconds, $1.op) }
    }

    public var totalSeconds: Double { programs.reduce(0) { $0 + $1.totalSeconds } }

    func nodesByName(program: String) -> [String: NodeLine] {
        Dictionary(nodes.filter { $0.program == program }.map { ($0.node, $0) }, uniquingKeysWith: { first, _ in first })
    }

    public func json() -> String { encodeJSON(self) + "\n" }

    /// Tables for the terminal.
    ///
    /// - Parameter nodeLimit: how many of the slowest nodes to list.
    public func text(nodeLimit: Int = 30) -> String {
        var byProgram = TextTable(.left("program"), .right("runs"), .right("total"), .right("mean"), .right("share"))
        for line in programs {
            byProgram.append(
                line.program, "\(line.runs)", Units.seconds(line.totalSeconds),
                Units.seconds(line.totalSeconds / Double(max(line.runs, 1))), Units.share(line.totalSeconds, of: totalSeconds))
        }
        var byKind = TextTable(
            .left("op"), .right("nodes"), .right("calls"), .right("total"), .right("mean"), .right("share"), .right("work"),
            .right("speed"), .right("bytes"), .right("traffic"))
        for line in kinds {
            byKind.append(
                line.op, "\(line.nodes)", "\(line.calls)", Units.seconds(line.totalSeconds),
                Units.seconds(line.totalSeconds / Double(max(line.calls, 1))), Units.share(line.totalSeconds, of: totalSeconds),
                Units.flop(line.cost.flop), Units.flopRate(line.cost.flop, seconds: line.totalSeconds), Units.bytes(line.cost.bytes),
                Units.byteRate(line.cost.bytes, seconds: line.totalSeconds))
        }
        if kinds.count > 1 {
            let all = kinds.reduce(NodeCost()) { $0 + $1.cost }
            byKind.appendRule()
            byKind.append(
                "all", "\(nodes.count)", "\(kinds.reduce(0) { $0 + $1.calls })", Units.seconds(totalSeconds), "", "",
                Units.flop(all.flop), Units.flopRate(all.flop, seconds: totalSeconds), Units.bytes(all.bytes),
                Units.byteRate(all.bytes, seconds: totalSeconds))
        }
        var byNode = TextTable(
            .left("node"), .left("kernel", maximumWidth: 36), .right("calls"), .right("total"), .right("mean"), .right("share"),
            .right("speed"), .right("bytes"), .left("kernel because", maximumWidth: 80))
        for line in nodes.prefix(nodeLimit) {
            byNode.append(
                programs.count > 1 ? "\(line.program): \(line.node)" : line.node, line.kernel, "\(line.calls)",
                Units.seconds(line.totalSeconds), Units.seconds(line.meanSeconds), Units.share(line.totalSeconds, of: totalSeconds),
                Units.flopRate(line.cost.flop, seconds: line.meanSeconds), Units.bytes(line.cost.bytes), line.choice ?? "")
        }
        var text = byProgram.text() + "\n" + byKind.text()
        let segments = nodes.filter { $0.strips != nil }
        if !segments.isEmpty { text += "\n" + segmentTable(segments) }
        if nodeLimit > 0, !nodes.isEmpty { text += "\n" + byNode.text() }
        if nodes.count > nodeLimit, nodeLimit > 0 { text += "… and \(nodes.count - nodeLimit) more nodes\n" }
        return text
    }
}

extension ProfileReport {
    fileprivate func segmentTable(_ segments: [NodeLine]) -> String {
        var table = TextTable(
            .left("segment", maximumWidth: 90), .right("nodes"), .right("strips"), .right("rows"), .right("calls"), .right("total"), .right("mean"),
            .right("share"), .right("speed"))
        for line in segments {
            guard let strips = line.strips, let first = strips.nodes.first else { continue }
            table.append(
                "\(line.program): " + (strips.nodes.count == 1 ? line.node : "\(first) … \(line.node)"), "\(strips.nodes.count)", "\(strips.count)",
                "\(strips.rows)", "\(line.calls)", Units.seconds(line.totalSeconds), Units.seconds(line.meanSeconds),
                Units.share(line.totalSeconds, of: totalSeconds), Units.flopRate(line.cost.flop, seconds: line.meanSeconds))
        }
        return table.text()
    }
}

extension NodeCost {
    func times(_ count: Int) -> NodeCost {
        NodeCost(flop: flop * count, weightBytes: weightBytes * count, readBytes: readBytes * count, writtenBytes: writtenBytes * count)
    }
}
