import Files
import Foundation
import Jobs

/// A job that is being done, as other threads see it.
final class RunningJob: Sendable {
    enum Reason: Sendable { case cancelled, tookTooLong, serverEnds }

    private struct State {
        var interruption: Interruption?
        var reason: Reason?
        var progress: ProgressAnswer?
        var preview: [UInt8]?
    }

    private let state = Locked(State())

    /// Why it is to stop; nil while it is to go on.
    var reason: Reason? { state.withLock { $0.reason } }
    var progress: ProgressAnswer? { state.withLock { $0.progress } }
    /// JPEG.
    var preview: [UInt8]? { state.withLock { $0.preview } }

    func set(_ progress: ProgressAnswer) { state.withLock { $0.progress = progress } }
    func set(preview: [UInt8]) { state.withLock { $0.preview = preview } }

    /// Says what stops it.
    func begin(_ interruption: Interruption) {
        state.withLock { state in
            state.interruption = interruption
            if state.reason != nil { interruption.request() }
        }
    }

    /// Stops it: at once, or where what is done is to be kept, after the step under way.
    func stop(_ reason: Reason) {
        state.withLock { state in
            guard state.reason == nil else { return }
            state.reason = reason
            state.interruption?.request()
            if reason != .serverEnds { state.interruption?.request() }
        }
    }
}
