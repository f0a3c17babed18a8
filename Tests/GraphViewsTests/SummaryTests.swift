import Foundation
import GraphIR
import GraphRuntime
import GraphViews
import Testing

@Suite struct SummaryTests {
    /// 2 * 8 * 8 * 8 results, each a sum over 4 * 3 * 3 products.
    private let convolutionFLOP = 2 * (8 * 8 * 8) * (4 * 3 * 3)
    private let imageBytes = 8 * 8 * 8 * 4

    @Test func addsUpNodes() throws {
        let graph = try Samples.small()
        let cost = NodeCost(graph, graph.order[0])
        #expect(cost.flop == convolutionFLOP)
        #expect(cost.weightBytes == (8 * 4 * 9 + 8) * 4)
        #expect(cost.readBytes == 4 * 8 * 8 * 4)
        #expect(cost.writtenBytes == imageBytes)
        // The sum reads two values and writes one.
        #expect(NodeCost(graph, graph.order[3]).activationBytes == 3 * imageBytes)
    }

    @Test func countsBeforeAndAfter() throws {
        let graph = try Samples.small()
        let (fused, passes, _) = try Samples.withFusedNorms(graph)
        let memory = MemoryPicture(
            MemoryPlan([.init(label: "a", byteCount: 128, lifetime: 0..<2), .init(label: "b", byteCount: 64, lifetime: 1..<3)]), stepCount: 3)
        let summary = GraphSummary([.init(before: graph, after: fused, memory: memory, passes: passes)])
        let line = try #require(summary.graphs.first)
        #expect(line.nodesBefore == 4 && line.nodes == 3)
        #expect(line.parameters == 8 * 4 * 9 + 3 * 8)
        #expect(line.parameterBytes == 4 * line.parameters)
        #expect(line.memory?.arenaBytes == 192 && line.memory?.lowerBound == 192)
        #expect(line.parts.map(\.name) == ["net"] && line.parts[0].nodes == 2)
        let kinds = Dictionary(uniqueKeysWithValues: summary.kinds.map { ($0.op, $0) })
        #expect(summary.kinds[0].op == "conv2d" && summary.kinds[0].cost.flop == convolutionFLOP)
        #expect(kinds["silu"]?.nodesBefore == 1 && kinds["silu"]?.nodes == 0)
        #expect(summary.fusions.map(\.text) == ["group_norm + silu → group_norm"])
        #expect(summary.largestValues.count == 3 && summary.largestValues.allSatisfy { $0.bytes == imageBytes })
        let text = summary.text()
        for part in ["4 → 3", "group_norm + silu → group_norm", "192 B", "fuse_group_norm_silu"] { #expect(text.contains(part)) }
        #expect(try JSONDecoder().decode(GraphSummary.self, from: Data(summary.json().utf8)) == summary)
    }

    @Test func putsGraphsTogether() throws {
        let summary = GraphSummary([.init(after: try Samples.small(name: "a")), .init(after: try Samples.small(name: "b"))])
        #expect(summary.graphs.map(\.name) == ["a", "b"])
        #expect(summary.kinds.first { $0.op == "conv2d" }?.nodes == 2)
        #expect(summary.kinds.allSatisfy { $0.nodesBefore == nil })
        #expect(!summary.text().contains("→"))
    }

    @Test func drawsThePlan() {
        let plan = MemoryPlan([
            .init(label: "net.x", byteCount: 256, lifetime: 0..<2), .init(label: "scratch of net.y", byteCount: 64, lifetime: 1..<2),
            .init(label: "net.y", byteCount: 128, lifetime: 1..<4),
        ])
        let picture = MemoryPicture(plan, stepCount: 3)
        #expect(picture.buffers.map(\.kind) == [.value, .scratch, .output])
        #expect(picture.buffers.map(\.value) == ["net.x", "net.y", "net.y"])
        #expect(picture.buffers.map(\.offset) == plan.offsets)
        #expect(picture.liveBytes == [256, 448, 128, 128])
        #expect(picture.lowerBound == 448 && picture.arenaBytes >= 448)
    }

    @Test func findsWhatBecameOfEachNode() throws {
        let graph = try Samples.small()
        let (fused, passes, rewrites) = try Samples.withFusedNorms(graph)
        let diff = GraphDiff(from: graph, to: fused, passes: passes, rewrites: rewrites)
        #expect(diff.entries.map(\.change) == [.unchanged, .fused, .unchanged])
        #expect(diff.entries[1].before.map(\.op) == ["group_norm", "silu"])
        #expect(diff.entries[1].passes == ["fuse_group_norm_silu"])
        #expect(diff.patterns.map(\.text) == ["group_norm + silu → group_norm"])
        #expect(diff.before.nodes == 4 && diff.after.nodes == 3)
        let text = diff.text()
        #expect(text.contains("net.blocks.0.silu") && text.contains("2 nodes are unchanged."))
        let json = try #require(try JSONSerialization.jsonObject(with: Data(diff.json().utf8)) as? [String: Any])
        #expect(json["schema"] as? String == "deblurdiff.diff/1")
        #expect((json["patterns"] as? [[String: Any]])?.first?["count"] as? Int == 1)
    }

    @Test func tellsRemovedFromAdded() throws {
        let old = try Samples.small()
        let new = try Samples.small(prefix: "other")
        let diff = GraphDiff(from: old, to: new)
        #expect(diff.count(.removed) == 3 && diff.count(.added) == 3)
        // The sum has kept its name, but reads other values.
        #expect(diff.count(.changed) == 1)
    }
}
