import Files
import Foundation
import GraphIR
import GraphRuntime

/// Collects what programs report while they run. Sendable, since all that changes is behind the lock.
///
///     let recorder = ProfileRecorder()
///     try program.run(inputs, in: workspace, observer: recorder.observer(of: program, named: "step"))
///     print(recorder.report().text())
public final class ProfileRecorder: @unchecked Sendable {
    /// One call of one kernel.
    public struct Event: Sendable {
        public var program: String
        /// Which run of the program it was, from 0.
        public var run: Int
        public var node: String
        /// Seconds since the first run began, in kernel time: what the observer itself takes is left out.
        public var start: Double
        public var seconds: Double
    }

    private struct Key: Hashable {
        var program: String
        var node: String
    }

    private struct Seen {
        var line: ProfileReport.NodeLine
        var types: String
    }

    private let lock = NSLock()
    private let eventLimit: Int
    private var seen: [Key: Seen] = [:]
    private var programs: [ProfileReport.ProgramLine] = []
    private var recorded: [Event] = []
    private var clock = 0.0

    /// - Parameter eventLimit: how many events to keep for the trace; sums go on behind it.
    public init(eventLimit: Int = 500_000) { self.eventLimit = eventLimit }

    /// The observer to give to ``Program/run(_:in:observer:)``.
    public func observer(of program: Program, named name: String? = nil) -> (Program.StepReport) throws -> Void {
        let graph = program.graph
        let name = name ?? graph.name
        return { [self] report in
            let id = report.step.node
            let node = graph.name(of: id)
            if report.index == 0 { beginRun(of: name) }
            let strips = report.step.strips.map { Schedule.Strips(count: $0.strips, rows: $0.rowsPerStrip, nodes: report.step.nodes.map(graph.name(of:))) }
            record(program: name, node: node, seconds: report.seconds, choice: report.step.kernel.choice, strips: strips) {
                (
                    graph[id].op.name, report.step.kernel.name, report.step.nodes.reduce(NodeCost()) { $0 + NodeCost(graph, $1) },
                    graph.resultTypes(graph[id]).map(\.description).joined(separator: ", ")
                )
            }
        }
    }

    /// Says that a program starts from its first step.
    public func beginRun(of program: String) {
        lock.withLock {
            if let index = programs.firstIndex(where: { $0.program == program }) {
                programs[index].runs += 1
            } else {
                programs.append(.init(program: program, runs: 1, totalSeconds: 0))
            }
        }
    }

    /// Adds one call. What the node is gets asked for only the first time.
    public func record(
        program: String, node: String, seconds: Double, choice: String? = nil, strips: Schedule.Strips? = nil,
        describe: () -> (op: String, kernel: String, cost: NodeCost, types: String)
    ) {
        lock.withLock {
            let key = Key(program: program, node: node)
            if seen[key] == nil {
                let (op, kernel, cost, types) = describe()
                seen[key] = Seen(
                    line: .init(
                        program: program, node: node, op: op, kernel: kernel, choice: choice, calls: 0, totalSeconds: 0, fastestSeconds: .infinity,
                        cost: cost, strips: strips), types: types)
            }
            seen[key]!.line.calls += 1
            seen[key]!.line.totalSeconds += seconds
            seen[key]!.line.fastestSeconds = min(seen[key]!.line.fastestSeconds, seconds)
            var run = 0
            if let index = programs.firstIndex(where: { $0.program == program }) {
                programs[index].totalSeconds += seconds
                run = programs[index].runs - 1
            } else {
                programs.append(.init(program: program, runs: 1, totalSeconds: seconds))
            }
            if recorded.count < eventLimit {
                recorded.append(Event(program: program, run: run, node: node, start: clock, seconds: seconds))
            }
            clock += seconds
        }
    }

    public var events: [Event] { lock.withLock { recorded } }

    public func report() -> ProfileReport {
        lock.withLock { ProfileReport(programs: programs, nodes: seen.values.map(\.line)) }
    }

    /// The events in the format that Perfetto (ui.perfetto.dev) and Chrome (chrome://tracing) read.
    public func trace() -> String {
        lock.withLock {
            var events: [TraceEvent] = [.name("process_name", of: 0, "deblurdiff")]
            for (index, line) in programs.enumerated() { events.append(.name("thread_name", of: index + 1, line.program)) }
            let threads = Dictionary(uniqueKeysWithValues: programs.enumerated().map { ($0.element.program, $0.offset + 1) })
            var runs: [TraceEvent] = []
            for event in recorded {
                let thread = threads[event.program] ?? 0
                let known = seen[Key(program: event.program, node: event.node)]!
                let (line, cost) = (known.line, known.line.cost)
                let name = "\(event.program) run \(event.run + 1)"
                if runs.last?.tid == thread, runs.last?.name == name {
                    runs[runs.count - 1].dur = (event.start + event.seconds) * 1e6 - runs.last!.ts!
                } else {
                    runs.append(TraceEvent(name: name, cat: "run", ph: "X", ts: event.start * 1e6, dur: event.seconds * 1e6, tid: thread))
                }
                events.append(
                    TraceEvent(
                        name: line.op, cat: OpFamily(opName: line.op).rawValue, ph: "X", ts: event.start * 1e6, dur: event.seconds * 1e6,
                        tid: thread,
                        args: [
                            "node": .string(event.node), "kernel": .string(line.kernel), "types": .string(known.types),
                            "gflop": .number(Double(cost.flop) * 1e-9),
                            "gflop_per_second": .number(event.seconds > 0 ? Double(cost.flop) * 1e-9 / event.seconds : 0),
                            "bytes": .integer(cost.bytes),
                        ]))
            }
            return encodeJSON(Trace(traceEvents: runs + events), pretty: false)
        }
    }
}

private struct Trace: Encodable {
    var displayTimeUnit = "ms"
    var traceEvents: [TraceEvent]
}

/// One event as the trace format names its parts; times are in microseconds.
private struct TraceEvent: Encodable {
    var name: String
    var cat: String?
    var ph: String
    var ts: Double?
    var dur: Double?
    var pid = 1
    var tid: Int
    var args: [String: JSONValue]?

    static func name(_ kind: String, of thread: Int, _ name: String) -> TraceEvent {
        TraceEvent(name: kind, ph: "M", tid: thread, args: ["name": .string(name)])
    }
}
