import Foundation

/// Ends the program with status 1 where memory cannot be had, since allocations are everywhere and cannot throw. It needs no memory itself, and leaves no
/// partial files behind.
public func outOfMemory(_ byteCount: Int) -> Never {
    clearLine()
    say("Error: there is not enough memory: ")
    // Digits, last first.
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
        var (rest, start) = (byteCount, 20)
        repeat {
            start -= 1
            digits[start] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        } while rest > 0
        _ = write(STDERR_FILENO, digits.baseAddress! + start, 20 - start)
    }
    say(" bytes more cannot be had\n")
    PartialFile.removeAll()
    _exit(1)
}

/// Has the program end with a message and status 1 where a mapped file cannot be read any more, or where memory runs out in what is not ours, instead of a crash.
/// For the main program to call; it takes over SIGBUS, SIGABRT and SIGILL. Other faults go to the handlers before.
public func endProgramOnFaults() {
    MappedRanges.handleFaults()
    var new = sigaction()
    new.__sigaction_handler.sa_handler = { signal in
        // Swift's runtime and C++ abort where they get no memory, and libraries trap.
        let some = 64 << 20
        if let memory = mmap(nil, some, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), memory != MAP_FAILED {
            munmap(memory, some)
            // Comes again, to the handler that was there before.
            if signal == SIGABRT {
                sigaction(SIGABRT, &abortHandlerBefore, nil)
                raise(SIGABRT)
            } else {
                sigaction(signal, &trapHandlerBefore, nil)
            }
        } else {
            outOfMemory(some)
        }
    }
    sigaction(SIGABRT, &new, &abortHandlerBefore)
    sigaction(SIGILL, &new, &trapHandlerBefore)
}

nonisolated(unsafe) private var abortHandlerBefore = sigaction()
nonisolated(unsafe) private var trapHandlerBefore = sigaction()

/// Writes to standard error, also from a signal handler.
func say(_ text: StaticString) { _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount) }

/// A terminal's line may hold a progress bar.
func clearLine() { if isatty(STDERR_FILENO) == 1 { say("\r\u{1B}[K") } }
