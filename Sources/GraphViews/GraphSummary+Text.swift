import Files

extension GraphSummary {
    /// Tables for the terminal.
    ///
    /// - Parameter partLimit: graphs of more parts than this are shown whole.
    public func text(partLimit: Int = 12) -> String {
        let hasBefore = graphs.contains { $0.nodesBefore != nil }
        var sections = [graphTable(partLimit: partLimit, hasBefore: hasBefore), kindTable(hasBefore: hasBefore)]
        if graphs.contains(where: { $0.memory != nil }) { sections.append(memoryTable) }
        if graphs.contains(where: { $0.memory?.strips != nil }) { sections += [stripTable, segmentTable] }
        if !fusions.isEmpty {
            var table = TextTable(.right("times"), .left("fused", maximumWidth: 110))
            for pattern in fusions { table.append(Units.count(pattern.count), pattern.text) }
            sections.append(table.text())
        }
        let passTable = passes.table()
        if !passTable.isEmpty { sections.append(passTable) }
        if !largestValues.isEmpty {
            var table = TextTable(.left("largest values"), .left("graph"), .left("type"), .right("size"))
            for value in largestValues { table.append(value.name, value.graph, value.type, Units.bytes(value.bytes)) }
            sections.append(table.text())
        }
        return sections.joined(separator: "\n")
    }

    private static func change(_ before: Int?, _ after: Int, _ hasBefore: Bool) -> String {
        guard let before, hasBefore else { return Units.count(after) }
        return "\(Units.count(before)) → \(Units.count(after))"
    }

    private func graphTable(partLimit: Int, hasBefore: Bool) -> String {
        var table = TextTable(
            .left("graph"), .right("ops"), .right("parameters"), .right("size"), .right("work"), .right("weights read"),
            .right("activations"))
        for graph in graphs {
            table.append(
                graph.name, GraphSummary.change(graph.nodesBefore, graph.nodes, hasBefore), Units.count(graph.parameters),
                Units.bytes(graph.parameterBytes), Units.flop(graph.cost.flop), Units.bytes(graph.cost.weightBytes),
                Units.bytes(graph.cost.activationBytes))
            guard graph.parts.count > 1, graph.parts.count <= partLimit else { continue }
            for part in graph.parts {
                table.append(
                    "  " + part.name, Units.count(part.nodes), "", "", Units.flop(part.cost.flop), Units.bytes(part.cost.weightBytes),
                    Units.bytes(part.cost.activationBytes))
            }
        }
        return table.text()
    }

    private func kindTable(hasBefore: Bool) -> String {
        let all = kinds.reduce(NodeCost()) { $0 + $1.cost }
        var table = TextTable(.left("op"), .right("nodes"), .right("work"), .right("share"), .right("weights read"), .right("activations"))
        for kind in kinds {
            table.append(
                kind.op, GraphSummary.change(kind.nodesBefore, kind.nodes, hasBefore), Units.flop(kind.cost.flop),
                Units.share(Double(kind.cost.flop), of: Double(all.flop)), Units.bytes(kind.cost.weightBytes),
                Units.bytes(kind.cost.activationBytes))
        }
        table.appendRule()
        let before = hasBefore ? kinds.reduce(0) { $0 + ($1.nodesBefore ?? 0) } : nil
        table.append(
            "all", GraphSummary.change(before, kinds.reduce(0) { $0 + $1.nodes }, hasBefore), Units.flop(all.flop), "",
            Units.bytes(all.weightBytes), Units.bytes(all.activationBytes))
        return table.text()
    }

    private var stripTable: String {
        var table = TextTable(
            .left("in strips"), .right("steps"), .right("work once"), .right("with repeats"), .right("times"), .right("all memory"), .left("weights"))
        for graph in graphs {
            guard let strips = graph.memory?.strips else { continue }
            table.append(
                graph.name, "\(strips.steps)", Units.flop(strips.flopOnce), Units.flop(strips.flop),
                String(format: "%.2f", Double(strips.flop) / Double(max(strips.flopOnce, 1))), Units.bytes(strips.bytes), strips.memory.rawValue)
        }
        return table.text()
    }

    private var segmentTable: String {
        var table = TextTable(
            .left("segment", maximumWidth: 90), .right("nodes"), .right("strips"), .right("rows"), .right("work"), .right("windows and scratch"))
        for graph in graphs {
            for segment in graph.memory?.strips?.segments ?? [] {
                table.append(
                    "\(graph.name): " + (segment.nodes == 1 ? segment.last : "\(segment.first) … \(segment.last)"), "\(segment.nodes)",
                    "\(segment.strips)", "\(segment.rowsPerStrip)", Units.flop(segment.flop), Units.bytes(segment.windowBytes))
            }
        }
        return table.text()
    }

    private var memoryTable: String {
        var table = TextTable(
            .left("memory plan"), .right("arena"), .right("lower bound"), .right("over it"), .left("strategy"),
            .right(graphs.contains { $0.memory?.roughSeconds != nil } ? "at least about" : ""))
        for graph in graphs {
            guard let memory = graph.memory else { continue }
            let excess = memory.arenaBytes - memory.lowerBound
            table.append(
                graph.name, Units.bytes(memory.arenaBytes), Units.bytes(memory.lowerBound),
                Units.share(Double(excess), of: Double(memory.lowerBound)), memory.strategy, memory.roughSeconds.map(Units.seconds) ?? "")
        }
        return table.text()
    }
}
