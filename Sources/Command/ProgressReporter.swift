import DeblurDiff
import Files
import Foundation
import Tensors

/// Tells how far a long command is, on standard error: a bar on a terminal, a line now and then elsewhere, nothing when quiet.
final class ProgressReporter {
    private let quiet: Bool
    private let terminal = Terminal.standardError
    private let clock = ContinuousClock()
    /// When something was last shown, and how many tenths were done then.
    private var lastShown: ContinuousClock.Instant
    private var lastTenth = 0
    private var lineIsOpen = false

    init(quiet: Bool) {
        self.quiet = quiet
        lastShown = clock.now
    }

    /// A count of bytes.
    func bytes(_ what: String, done: Int, total: Int) {
        guard total > 0 else { return }
        show(what, share: Double(done) / Double(total)) { "\(Units.bytes(done)) of \(Units.bytes(total))" }
    }

    /// Where a restoration stands.
    func restoration(_ name: String, _ progress: RestorationProgress) {
        if progress.share == 0 { lastTenth = 0 }
        let phase =
            switch progress.phase {
            case .encodingText: "encoding the prompt"
            case .encodingImage: "encoding the image"
            case .preparing: "preparing the networks"
            case .sampling: "step \(min(progress.step + 1, progress.stepCount)) of \(progress.stepCount)"
            case .decoding: "decoding the image"
            }
        show(name, share: progress.share) { phase + (progress.secondsLeft.map { ", \(formatDuration($0)) left" } ?? "") }
    }

    private func show(_ what: String, share: Double, detail: () -> String) {
        guard !quiet else { return }
        let silence = lastShown.duration(to: clock.now)
        if let terminal {
            // As often as an eye can follow; the last one always.
            guard !lineIsOpen || silence > .milliseconds(50) || share == 1 else { return }
            overwrite("\(what) \(terminal.bar(share: share)) \(detail())", terminal)
        } else {
            // In a log: each tenth, but not for what is over in a moment; and a sign of life in between.
            let tenth = Int(share * 10)
            guard silence > .seconds(60) || (silence > .seconds(2) && tenth > lastTenth && share < 1) else { return }
            lastTenth = tenth
            writeToStandardError("\("\(what): \(Int(share * 100)) %, \(detail())".printable)\n")
        }
        lastShown = clock.now
    }

    private func overwrite(_ text: String, _ terminal: Terminal) {
        writeToStandardError("\r\(text.printable.prefix(terminal.width - 1))\u{1B}[K")
        lineIsOpen = true
        lastShown = clock.now
    }

    /// The last word.
    func finish(_ text: String) {
        clear()
        guard !quiet else { return }
        writeToStandardError("\(text.printable)\n")
    }

    /// Removes a line that is being overwritten, so that other text starts on its own.
    func clear() {
        if lineIsOpen { writeToStandardError("\r\u{1B}[K") }
        lineIsOpen = false
        lastShown = clock.now
        lastTenth = 0
    }

    /// Says something that the user should know, whatever becomes of the command.
    func warn(_ text: String) {
        clear()
        guard !quiet else { return }
        writeToStandardError("Warning: \(text.printable)\n")
    }

    /// Says what failed, where the command goes on with something else.
    func report(_ error: any Error) {
        clear()
        writeToStandardError("Error: \(namingOptions("\(error)").printableLines)\n")
    }
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
