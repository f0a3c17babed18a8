import Diffusion
import Foundation

/// Tells how far a long command is, on standard error: a bar on a terminal, a line now and then elsewhere, nothing when quiet.
final class ProgressReporter {
    private let quiet: Bool
    private let terminal = Terminal.standardError
    private let clock = ContinuousClock()
    /// When something was last shown, and how many tenths were done then.
    private var lastShown: ContinuousClock.Instant
    private var lastTenth = 0
    private var lineIsOpen = false
    private var secondsOfSteps = 0.0

    init(quiet: Bool) {
        self.quiet = quiet
        lastShown = clock.now
    }

    /// A count of bytes.
    func bytes(_ what: String, done: Int, total: Int) {
        show(what, done: done, total: total) { "\(formatBytes(done)) of \(formatBytes(total))" }
    }

    /// Steps of a restoration.
    func restoration(_ name: String, _ progress: RestorationProgress) {
        switch progress {
        case .encodingText:
            (secondsOfSteps, lastTenth) = (0, 0)
            phase("\(name): encoding the prompt")
        case .encodingImage: phase("\(name): encoding the image")
        case .decoding: phase("\(name): decoding")
        case .step(let done, let total, let seconds):
            secondsOfSteps += seconds
            let average = secondsOfSteps / Double(done)
            show(name, done: done, total: total) {
                String(format: "step %d of %d, %.2f s a step, %@ left", done, total, average, formatDuration(Double(total - done) * average))
            }
        }
    }

    /// What is being done that has no count; only worth an overwritten line.
    private func phase(_ text: String) {
        guard !quiet, let terminal else { return }
        overwrite(text, terminal)
    }

    private func show(_ what: String, done: Int, total: Int, detail: () -> String) {
        guard !quiet, total > 0 else { return }
        let silence = lastShown.duration(to: clock.now)
        if let terminal {
            // As often as an eye can follow; the last one always.
            guard !lineIsOpen || silence > .milliseconds(50) || done == total else { return }
            overwrite("\(what) \(terminal.bar(share: Double(done) / Double(total))) \(detail())", terminal)
        } else {
            // In a log: each tenth, but not for what is over in a moment; and a sign of life in between.
            let tenth = done * 10 / total
            guard silence > .seconds(60) || (silence > .seconds(2) && tenth > lastTenth && done < total) else { return }
            lastTenth = tenth
            write("\(what): \(detail())\n")
        }
        lastShown = clock.now
    }

    private func overwrite(_ text: String, _ terminal: Terminal) {
        write("\r\(text.prefix(terminal.width - 1))\u{1B}[K")
        lineIsOpen = true
        lastShown = clock.now
    }

    /// The last word.
    func finish(_ text: String) {
        clear()
        guard !quiet else { return }
        write("\(text)\n")
    }

    /// Removes a line that is being overwritten, so that other text starts on its own.
    func clear() {
        if lineIsOpen { write("\r\u{1B}[K") }
        lineIsOpen = false
        lastShown = clock.now
        lastTenth = 0
    }

    /// Says something that the user should know, whatever becomes of the command.
    func warn(_ text: String) {
        clear()
        guard !quiet else { return }
        write("Warning: \(text)\n")
    }

    /// Says what failed, where the command goes on with something else.
    func report(_ error: any Error) {
        clear()
        write("Error: \(error)\n")
    }

    /// What cannot be told is not worth failing for (a `FileHandle` would end the program).
    private func write(_ text: String) { _ = Array(text.utf8).withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) } }
}

/// A terminal that understands cursor movements.
struct Terminal {
    let width: Int
    private let hasBlocks: Bool

    /// Nil where standard error goes elsewhere.
    static let standardError: Terminal? = {
        let environment = ProcessInfo.processInfo.environment
        guard isatty(STDERR_FILENO) == 1, let kind = environment["TERM"], kind != "dumb" else { return nil }
        var size = winsize()
        let isKnown = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        let isUnicode = ["utf-8", "utf8"].contains { locale.lowercased().hasSuffix($0) }
        return Terminal(width: isKnown ? max(20, Int(size.ws_col)) : 80, hasBlocks: isUnicode)
    }()

    func bar(share: Double) -> String {
        let cells = max(6, min(24, width / 4))
        let filled = Int(share * Double(cells))
        let (full, empty) = hasBlocks ? ("█", "░") : ("#", "-")
        return String(repeating: full, count: filled) + String(repeating: empty, count: cells - filled)
    }
}
