import Files
import Foundation
import Jobs
import Synchronization

/// SIGINT and SIGTERM as requests to stop.
enum InterruptionSignals {
    private static let interruption = Interruption()
    private static let last = Atomic<Int32>(SIGINT)

    /// As shells show a program that a signal ended.
    static var status: Int32 { 128 + last.load(ordering: .relaxed) }

    /// The first signal asks to stop after a step, the second ends the program. Signals that the program was started to ignore stay ignored.
    static func handle() -> Interruption {
        for signal in [SIGINT, SIGTERM] {
            var old = sigaction()
            guard sigaction(signal, nil, &old) == 0, old.__sigaction_handler.sa_handler == nil else { continue }
            var new = sigaction()
            // Only what signal handlers may do: numbers that change at once, and system calls.
            new.__sigaction_handler.sa_handler = { signal in
                InterruptionSignals.last.store(signal, ordering: .relaxed)
                guard InterruptionSignals.interruption.request() > 1 else { return }
                removePartialFiles()
                _exit(InterruptionSignals.status)
            }
            new.sa_flags = Int32(SA_RESTART)
            sigaction(signal, &new, nil)
        }
        return interruption
    }
}
