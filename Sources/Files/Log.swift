import Logging

/// What the program does, for `--verbose`: nothing above debug, so that who uses the libraries sees it only by asking for it.
public let logger = Logger(label: "deblurdiff")

extension Logger {
    /// Says what was done and how long it took.
    public func timed<Result>(_ what: @autoclosure () -> String, _ body: () throws -> Result) rethrows -> Result {
        guard logLevel <= .debug else { return try body() }
        let start = ContinuousClock.now
        let result = try body()
        let milliseconds = Int(start.duration(to: .now) / .milliseconds(1))
        debug("\(what().printable)", metadata: ["milliseconds": "\(milliseconds)"])
        return result
    }
}
