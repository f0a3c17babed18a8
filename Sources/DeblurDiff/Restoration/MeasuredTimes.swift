import Files
import GraphRuntime

/// Times of small things on this machine, each measured when it is asked for the first time, and kept in a file.
public final class MeasuredTimes {
    private let subject: String
    private let file: MeasurementFile<Double>?
    private var known: [String: Double]
    /// On measuring, so far.
    public private(set) var spentSeconds = 0.0

    /// - `path`: of the file; nil for none.
    public init(_ subject: String, path: String?) {
        self.subject = subject
        file = path.map { MeasurementFile(path: $0, schema: "deblurdiff.times/1", machine: MachineLimits.machineName) }
        known = (file?.read()[subject] ?? [:]).filter { $0.value.isFinite && $0.value >= 0 && $0.value < 1e3 }
    }

    /// - `measure`: seconds for one of what is named.
    public func seconds(_ name: String, measure: () -> Double) -> Double {
        if let seconds = known[name] { return seconds }
        var seconds = 0.0
        spentSeconds += MeasuredTimes.time { seconds = measure() }
        known[name] = seconds
        file?.add([subject: known])
        return seconds
    }

    /// How long something takes.
    public static func time(_ body: () -> Void) -> Double {
        let start = ContinuousClock.now
        body()
        return start.duration(to: .now) / .seconds(1)
    }
}
