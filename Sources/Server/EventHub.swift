import Files
import Foundation

/// What happens to jobs, for those who listen. Kept of each job that has not ended: its last states, and the latest progress and preview. Listeners ask for what is new when they
/// can take it, so that a slow one costs nothing.
final class EventHub: Sendable {
    struct Event: Sendable {
        enum Kind: String, Sendable { case state, progress, preview }

        var id: Int
        var kind: Kind
        /// JSON.
        var data: String
        /// Nothing comes after it.
        var isLast = false
    }

    private struct Log {
        var events: [Event] = []
        /// Of what was before it, nothing is kept.
        var forgotten: Int
        var listeners: [Int: AsyncStream<Void>.Continuation] = [:]
        var isEmpty: Bool { events.isEmpty && listeners.isEmpty }
    }

    private struct State {
        var logs: [String: Log] = [:]
        /// The last number that was given.
        var last: Int
        var isClosed = false
    }

    private static let mostStates = 16
    private let state: Locked<State>

    /// - Parameter generation: how often the data were opened, so that no number is given twice.
    init(generation: Int) { state = Locked(State(last: generation << 32)) }

    /// Takes up an event and wakes who listens.
    func publish(_ kind: Event.Kind, of job: String, _ data: String, isLast: Bool = false) {
        state.withLock { state in
            var log = state.logs[job] ?? Log(forgotten: state.last)
            state.last += 1
            if kind == .state {
                let states = log.events.filter { $0.kind == .state }
                if states.count >= EventHub.mostStates {
                    log.forgotten = states[0].id
                    log.events.removeAll { $0.id == states[0].id }
                }
            } else {
                log.events.removeAll { $0.kind == kind }
            }
            log.events.append(Event(id: state.last, kind: kind, data: data, isLast: isLast))
            for listener in log.listeners.values { listener.yield() }
            state.logs[job] = log
        }
    }

    /// Forgets a job's events: whoever listens asks for its state, and sees that it has ended.
    func end(_ job: String) {
        let listeners = state.withLock { $0.logs.removeValue(forKey: job)?.listeners }
        for listener in listeners?.values.map({ $0 }) ?? [] { listener.yield() }
    }

    /// - Returns: what is newer than an event, or nil where the job's state has to be asked for instead.
    func events(of job: String, after id: Int) -> [Event]? {
        state.withLock { state in
            guard let log = state.logs[job], id >= log.forgotten else { return nil }
            return log.events.filter { $0.id > id }
        }
    }

    /// A number behind which everything is news to one who knows the present state, but for the latest preview, which comes again.
    func start(of job: String) -> Int {
        state.withLock { state in state.logs[job]?.events.first { $0.kind == .preview }.map { $0.id - 1 } ?? state.last }
    }

    /// Whether a number may be one that was given.
    func knows(_ id: Int) -> Bool { state.withLock { id <= $0.last && id >> 32 == $0.last >> 32 } }

    /// Those that somebody listens to.
    var listenedJobs: [String] { state.withLock { $0.logs.filter { !$0.value.listeners.isEmpty }.map(\.key) } }

    /// Wakes after each event, and every so many seconds, until the server ends.
    func wakes(for job: String, every seconds: Double) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let ticker = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(seconds))
                continuation.yield()
            }
        }
        let key = state.withLock { state -> Int? in
            guard !state.isClosed else { return nil }
            let log = Log(forgotten: state.last)
            state.last += 1
            state.logs[job, default: log].listeners[state.last] = continuation
            return state.last
        }
        continuation.onTermination = { [weak self] _ in
            ticker.cancel()
            guard let self, let key else { return }
            state.withLock { state in
                state.logs[job]?.listeners[key] = nil
                if state.logs[job]?.isEmpty == true { state.logs[job] = nil }
            }
        }
        if key == nil { continuation.finish() }
        return stream
    }

    /// The server ends: nobody waits any longer.
    func close() {
        let listeners = state.withLock { state in
            state.isClosed = true
            defer { state.logs = [:] }
            return state.logs.values.flatMap(\.listeners.values)
        }
        for listener in listeners { listener.finish() }
    }
}
