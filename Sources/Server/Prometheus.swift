import Files
import Metrics

/// What swift-metrics counts, in Prometheus' text form. Times are in seconds, as sum and count.
final class PrometheusMetrics: MetricsFactory, Sendable {
    private struct Key: Hashable {
        var name: String
        /// `{method="GET"}`, or nothing.
        var labels: String
    }

    private enum Kind: String { case counter, gauge, summary }

    private struct Series {
        var kind: Kind
        var value = 0.0
        var count = 0
    }

    private let series = Locked<[Key: Series]>([:])

    /// That of the process, which whoever comes first sets up.
    static let shared: PrometheusMetrics = {
        let metrics = PrometheusMetrics()
        MetricsSystem.bootstrap(metrics)
        return metrics
    }()

    func text() -> String {
        let sorted = series.withLock { $0 }.sorted { ($0.key.name, $0.key.labels) < ($1.key.name, $1.key.labels) }
        var text = ""
        var last = ""
        for (key, series) in sorted {
            if key.name != last { text += "# TYPE \(key.name) \(series.kind.rawValue)\n" }
            last = key.name
            switch series.kind {
            case .counter, .gauge: text += "\(key.name)\(key.labels) \(PrometheusMetrics.number(series.value))\n"
            case .summary:
                text += "\(key.name)_sum\(key.labels) \(PrometheusMetrics.number(series.value))\n\(key.name)_count\(key.labels) \(series.count)\n"
            }
        }
        return text
    }

    private static func number(_ value: Double) -> String { value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)" }

    private static func key(_ label: String, _ dimensions: [(String, String)], _ ending: String) -> Key {
        func name(_ text: String) -> String { String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }) }
        let labels = dimensions.map { label, value in
            let value = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            return "\(name(label))=\"\(value)\""
        }
        return Key(name: name(label) + ending, labels: labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}")
    }

    /// One series, whatever swift-metrics takes it for.
    private final class Handler: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
        let owner: PrometheusMetrics
        let key: Key
        let kind: Kind

        init(_ owner: PrometheusMetrics, _ key: Key, _ kind: Kind) {
            (self.owner, self.key, self.kind) = (owner, key, kind)
            change { _ in }
        }

        private func change(_ body: (inout Series) -> Void) { owner.series.withLock { body(&$0[key, default: Series(kind: kind)]) } }

        func increment(by amount: Int64) { change { $0.value += Double(amount) } }
        func increment(by amount: Double) { change { $0.value += amount } }
        func decrement(by amount: Double) { change { $0.value -= amount } }
        func reset() { change { ($0.value, $0.count) = (0, 0) } }
        func set(_ value: Int64) { change { $0.value = Double(value) } }
        func set(_ value: Double) { change { $0.value = value } }
        func record(_ value: Int64) { record(Double(value)) }
        func record(_ value: Double) {
            change { series in
                series.value += value
                series.count += 1
            }
        }
        func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        Handler(self, PrometheusMetrics.key(label, dimensions, "_total"), .counter)
    }
    func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        Handler(self, PrometheusMetrics.key(label, dimensions, "_total"), .counter)
    }
    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { Handler(self, PrometheusMetrics.key(label, dimensions, ""), .gauge) }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        Handler(self, PrometheusMetrics.key(label, dimensions, ""), .summary)
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        Handler(self, PrometheusMetrics.key(label, dimensions, "_seconds"), .summary)
    }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}

/// What the server counts of jobs.
struct ServerMetrics: Sendable {
    let prometheus = PrometheusMetrics.shared
    let accepted = Counter(label: "deblurdiff_jobs_accepted")
    let refused = Counter(label: "deblurdiff_jobs_refused")
    let seconds = Timer(label: "deblurdiff_job")
    private let waiting = Meter(label: "deblurdiff_jobs_waiting")
    private let running = Meter(label: "deblurdiff_jobs_running")
    private let disk = Meter(label: "deblurdiff_disk_bytes")
    private let memory = Meter(label: "deblurdiff_resident_bytes")
    private let ends = Dictionary(
        uniqueKeysWithValues: JobState.allCases.map { ($0, Counter(label: "deblurdiff_jobs_ended", dimensions: [("state", $0.rawValue)])) })

    func ended(_ state: JobState) { ends[state]?.increment() }

    func text(waiting: Int, running: Int, disk: Int, memory: Int) -> String {
        self.waiting.set(waiting)
        self.running.set(running)
        self.disk.set(disk)
        self.memory.set(memory)
        return prometheus.text()
    }
}
