import DeblurDiff
import Foundation
import GraphIR
import GraphPasses
import GraphRuntime
import GraphViews
import Tensors
import Testing

/// Writes pages to look at, where an environment variable names a folder for them:
///
///     GRAPH_VIEWS_SAMPLES=/tmp/pages swift test --filter SamplePages
@Suite(.enabled(if: ProcessInfo.processInfo.environment["GRAPH_VIEWS_SAMPLES"] != nil)) struct SamplePages {
    private func write(_ text: String, _ name: String) throws {
        let folder = ProcessInfo.processInfo.environment["GRAPH_VIEWS_SAMPLES"]!
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
    }

    @Test func released() throws {
        let step = try Samples.step(.released, size: 512)
        let optimized = try optimize(step)
        let dump = GraphDump(optimized, from: step)
        try write(GraphSummary([.init(before: step, after: dump.graph, passes: dump.passes)]).text(), "released-summary.txt")
        try write(GraphDiff(from: step, to: dump.graph, passes: dump.passes, rewrites: dump.rewrites).text(entryLimit: 40), "released-diff.txt")
        try write(dump.text(as: .html), "released.html")
        try write(dump.text(as: .json), "released.json")
        try write(dump.text(as: .dot, foldedAt: 3), "released-folded.dot")
        let graphs = try DeblurDiffArchitecture.graphs(.released)
        for (name, graph) in graphs { try write(GraphDump(graph, stage: "imported").text(as: .html), "\(name).html") }
        try write(GraphSummary(graphs.sorted { $0.key < $1.key }.map { .init(after: $0.value) }).text(), "graphs-summary.txt")
    }

    @Test func measured() throws {
        let step = try Samples.step(Samples.narrow, size: 256)
        let optimized = try optimize(step)
        let program = try Samples.program(optimized.graph)
        let recorder = ProfileRecorder()
        let workspace = Workspace()
        for _ in 0..<2 { _ = try program.run(Samples.inputs(step), in: workspace, observer: recorder.observer(of: program)) }
        var dump = GraphDump(program.plan, profile: recorder.report())
        dump.setOrigin(optimized, from: step)
        try write(recorder.report().text(), "measured-profile.txt")
        try write(recorder.trace(), "measured.trace.json")
        try write(dump.text(as: .text), "measured-schedule.txt")
        try write(dump.text(as: .html), "measured.html")
    }

    @Test func small() throws {
        let graph = try Samples.small()
        try write(GraphPage(title: "small", graphs: [GraphDocument(graph, stage: "imported")]).html(), "small.html")
        try write(GraphDocument(graph, stage: "imported").dot(), "small.dot")
        try write(GraphDocument(graph, stage: "imported").json(), "small.json")
    }
}
