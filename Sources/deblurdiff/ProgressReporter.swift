import Diffusion
import Foundation

/// Tells how far a long command is, on standard error: a bar on a terminal, plain lines elsewhere, nothing when quiet.
final class ProgressReporter {
    private let quiet: Bool
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var lineIsOpen = false
    private var lastShare = -1
    private let start = Date()

    init(quiet: Bool) { self.quiet = quiet }

    /// A count of bytes.
    func bytes(_ what: String, done: Int, total: Int) {
        guard total > 0 else { return }
        // Lines in a log every tenth, redraws of a bar every hundredth.
        let share = done * (isTerminal ? 100 : 10) / total
        guard share != lastShare else { return }
        lastShare = share
        show(what, done: done, total: total, detail: "\(formatBytes(done)) of \(formatBytes(total))")
    }

    /// Steps of a restoration.
    func restoration(_ name: String, _ progress: RestorationProgress) {
        switch progress {
        case .encodingText: line("\(name): encoding the prompt", transient: true)
        case .encodingImage: line("\(name): encoding the image", transient: true)
        case .decoding: line("\(name): decoding", transient: true)
        case .step(let done, let total, let seconds):
            let remaining = formatDuration(Double(total - done) * seconds)
            show(name, done: done, total: total, detail: String(format: "step %d of %d, %.2f s a step, %@ left", done, total, seconds, remaining))
        }
    }

    private func show(_ what: String, done: Int, total: Int, detail: String) {
        guard isTerminal else { return line("\(what): \(detail)", transient: false) }
        let width = 24
        let filled = done * width / max(1, total)
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        line("\(what) \(bar) \(detail)", transient: true)
    }

    /// Prints a line; on a terminal a transient one is overwritten by the next.
    private func line(_ text: String, transient: Bool) {
        guard !quiet else { return }
        guard isTerminal else { return write("\(text)\n") }
        write("\r\u{1B}[K\(text)" + (transient ? "" : "\n"))
        lineIsOpen = transient
    }

    /// The last word.
    func finish(_ text: String) {
        guard !quiet else { return }
        if lineIsOpen { write("\r\u{1B}[K") }
        lineIsOpen = false
        write("\(text)\n")
    }

    /// Ends a line that is being overwritten, so that an error starts on its own.
    func interrupt() {
        if lineIsOpen { write("\n") }
        lineIsOpen = false
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
