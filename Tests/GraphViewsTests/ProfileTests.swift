import Foundation
import GraphRuntime
import GraphViews
import Testing

@Suite struct ProfileTests {
    private func recorder(runs: Int = 2) -> ProfileRecorder {
        let recorder = ProfileRecorder()
        for run in 0..<runs {
            recorder.beginRun(of: "step")
            recorder.record(program: "step", node: "a.conv2d", seconds: 0.25) {
                ("conv2d", "conv im2col", NodeCost(flop: 1_000_000_000, weightBytes: 100, readBytes: 200, writtenBytes: 300), "f32[1, 2]")
            }
            recorder.record(program: "step", node: "a.conv2d_2", seconds: 0.5 + Double(run) * 0.5) {
                ("conv2d", "conv direct", NodeCost(flop: 1_000_000_000, writtenBytes: 8), "f32[1, 2]")
            }
            recorder.record(program: "step", node: "a.add", seconds: 0.125) { ("add", "add", NodeCost(flop: 10, writtenBytes: 40), "f32[10]") }
        }
        return recorder
    }

    @Test func addsUpRuns() {
        let report = recorder().report()
        #expect(report.programs.map(\.runs) == [2])
        #expect(report.totalSeconds == 2.25)
        #expect(report.nodes.map(\.node) == ["a.conv2d_2", "a.conv2d", "a.add"])
        #expect(report.nodes[0].calls == 2 && report.nodes[0].meanSeconds == 0.75 && report.nodes[0].fastestSeconds == 0.5)
        #expect(report.kinds.map(\.op) == ["conv2d", "add"])
        #expect(report.kinds[0].calls == 4 && report.kinds[0].nodes == 2 && report.kinds[0].totalSeconds == 2)
        #expect(report.kinds[0].cost.flop == 4_000_000_000)
    }

    @Test func writesTables() {
        let text = recorder().report().text(nodeLimit: 2)
        // 4 GFLOP in 2 seconds.
        for part in ["2.00 GFLOP/s", "88.9 %", "conv direct", "1.33 GFLOP/s", "… and 1 more nodes"] { #expect(text.contains(part)) }
        #expect(!text.contains("a.add"))
    }

    @Test func roundTripsThroughJSON() throws {
        let report = recorder().report()
        #expect(try JSONDecoder().decode(ProfileReport.self, from: Data(report.json().utf8)) == report)
    }

    @Test func writesATrace() throws {
        let trace = try #require(try JSONSerialization.jsonObject(with: Data(recorder().trace().utf8)) as? [String: Any])
        let events = try #require(trace["traceEvents"] as? [[String: Any]])
        let complete = events.filter { $0["ph"] as? String == "X" }
        let runs = complete.filter { $0["cat"] as? String == "run" }
        let calls = complete.filter { $0["cat"] as? String != "run" }
        #expect(runs.map { $0["name"] as? String } == ["step run 1", "step run 2"])
        #expect(calls.count == 6)
        #expect(calls.allSatisfy { $0["ts"] is Double && $0["dur"] is Double && $0["pid"] is Int && $0["tid"] is Int })
        let arguments = try #require(calls[0]["args"] as? [String: Any])
        #expect(arguments["node"] as? String == "a.conv2d" && arguments["kernel"] as? String == "conv im2col")
        #expect(arguments["gflop_per_second"] as? Double == 4)
        #expect(arguments["bytes"] as? Int == 600)
        // Calls follow one another and lie within their run.
        for (first, second) in zip(calls, calls.dropFirst()) {
            #expect(abs((first["ts"] as! Double) + (first["dur"] as! Double) - (second["ts"] as! Double)) < 1e-3)
        }
        #expect(abs((runs[1]["ts"] as! Double) - (calls[3]["ts"] as! Double)) < 1e-3)
        #expect(events.contains { $0["ph"] as? String == "M" && $0["name"] as? String == "thread_name" })
    }

    @Test func keepsNoMoreEventsThanAsked() {
        let recorder = ProfileRecorder(eventLimit: 1)
        for _ in 0..<3 { recorder.record(program: "p", node: "n", seconds: 1) { ("add", "add", NodeCost(), "") } }
        #expect(recorder.events.count == 1 && recorder.report().nodes[0].calls == 3)
    }

    @Test func watchesAProgram() throws {
        let graph = try Samples.withFusedNorms(Samples.small()).graph
        let program = try Samples.program(graph)
        let recorder = ProfileRecorder()
        for _ in 0..<3 { _ = try program.run(Samples.inputs(graph), in: Workspace(), observer: recorder.observer(of: program, named: "p")) }
        let report = recorder.report()
        #expect(report.programs == [.init(program: "p", runs: 3, totalSeconds: report.totalSeconds)])
        #expect(report.nodes.count == program.steps.count && report.nodes.allSatisfy { $0.calls == 3 })
        let document = GraphDocument(program.plan, profile: report, programName: "p")
        #expect(document.nodes.allSatisfy { $0.isView || ($0.seconds != nil && $0.calls == 3 && $0.step != nil) })
        #expect(MemoryPicture(program.plan).stepCount == program.steps.count)
    }
}
