import Foundation
import GraphIR
import GraphRuntime
import GraphViews
import ModelImport
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
        let (fused, passes, rewrites) = try Samples.withFusedNorms(step)
        let documents = [GraphDocument(step, stage: "imported"), GraphDocument(fused, stage: "optimized")]
        let summary = GraphSummary([.init(before: step, after: fused, passes: passes)])
        try write(summary.text(), "released-summary.txt")
        try write(GraphDiff(from: step, to: fused, passes: passes, rewrites: rewrites).text(entryLimit: 40), "released-diff.txt")
        try write(GraphPage(title: "step", graphs: documents, passes: passes, rewrites: rewrites, summary: summary).html(), "released.html")
        try write(documents[1].json(), "released.json")
        try write(documents[1].dot(foldedAt: 3), "released-folded.dot")
        let graphs = try DeblurDiffArchitecture.graphs(.released)
        for (name, graph) in graphs {
            try write(GraphPage(title: name, graphs: [GraphDocument(graph, stage: "imported")]).html(), "\(name).html")
            if name == "control_net" { try write(GraphDocument(graph, stage: "imported").dot(), "control_net.dot") }
        }
        try write(GraphSummary(graphs.sorted { $0.key < $1.key }.map { .init(after: $0.value) }).text(), "graphs-summary.txt")
    }

    @Test func measured() throws {
        let step = try Samples.step(Samples.narrow, size: 256)
        let (fused, passes, rewrites) = try Samples.withFusedNorms(step)
        let program = try Samples.program(fused)
        let recorder = ProfileRecorder()
        let workspace = Workspace()
        for _ in 0..<2 { _ = try program.run(Samples.inputs(fused), in: workspace, observer: recorder.observer(of: program)) }
        let report = recorder.report()
        let memory = MemoryPicture(program)
        let summary = GraphSummary([.init(before: step, after: fused, memory: memory, passes: passes)])
        try write(report.text(), "measured-profile.txt")
        try write(summary.text(), "measured-summary.txt")
        try write(report.json(), "measured-profile.json")
        try write(recorder.trace(), "measured.trace.json")
        let documents = [GraphDocument(step, stage: "imported"), GraphDocument(program, profile: report)]
        try write(
            GraphPage(title: "step", graphs: documents, passes: passes, rewrites: rewrites, memory: memory, summary: summary).html(),
            "measured.html")
    }

    @Test func small() throws {
        let graph = try Samples.small()
        try write(GraphPage(title: "small", graphs: [GraphDocument(graph, stage: "imported")]).html(), "small.html")
        try write(GraphDocument(graph, stage: "imported").dot(), "small.dot")
        try write(GraphDocument(graph, stage: "imported").json(), "small.json")
    }
}
