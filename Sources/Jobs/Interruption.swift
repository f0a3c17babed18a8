import Synchronization

/// How work is asked to stop, by any thread or a signal's handler: first between two steps, so that nothing is lost; then at once.
public final class Interruption: Sendable {
    private let requests = Atomic(0)

    public init() {}

    /// - Returns: how often it was asked for, this time included.
    @discardableResult public func request() -> Int { requests.add(1, ordering: .relaxed).newValue }

    public var isRequested: Bool { requests.load(ordering: .relaxed) > 0 }
    /// Asked for more than once.
    public var isUrgent: Bool { requests.load(ordering: .relaxed) > 1 }
}

/// Work that was stopped as asked for.
public struct Interrupted: Error, Sendable {
    /// Steps of the photograph that was being restored that are kept, and all of its steps; nil where there is nothing to go on from.
    public var kept: (step: Int, of: Int)?

    public init(kept: (step: Int, of: Int)? = nil) { self.kept = kept }
}
