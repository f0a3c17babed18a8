import ArgumentParser
import DeblurDiff
import Files
import Foundation
import Jobs
import Tensors

/// How the way of a long command is shown on standard error.
enum ProgressStyle: String, CaseIterable, ExpressibleByArgument {
    /// Bars on a terminal, a line now and then elsewhere.
    case auto
    /// Lines of JSON, for programs.
    case json
    /// What is to be said, but no progress.
    case none
}

/// Tells how far a long command is, on standard error: bars on a terminal, a line now and then elsewhere, lines of JSON for programs, nothing when quiet.
final class ProgressReporter {
    private let quiet: Bool
    private let style: ProgressStyle
    /// Bars and lines of a log would write over each other.
    private let terminal = DeblurDiffCommand.isVerbose ? nil : Terminal.standardError
    private let clock = ContinuousClock()
    /// When something was last shown, and how many tenths were done then.
    private var lastShown: ContinuousClock.Instant
    private var lastTenth = 0
    private var lineIsOpen = false
    /// When steps began to be counted, and how long one takes.
    private var pace = StepPace()

    init(quiet: Bool, style: ProgressStyle = .auto) {
        self.quiet = quiet
        self.style = style
        lastShown = clock.now
    }

    /// A count of bytes.
    func bytes(_ what: String, done: Int, total: Int) {
        guard total > 0 else { return }
        show(what, share: Double(done) / Double(total), folder: nil) { "\(Units.bytes(done)) of \(Units.bytes(total))" }
    }

    /// A count of photographs.
    func photographs(_ what: String, done: Int, total: Int) {
        show(what, share: Double(done) / Double(max(total, 1)), folder: nil) { "\(done) of \(total)" }
    }

    /// Where a restoration stands, and the folder that it is one of.
    func restoration(_ name: String, _ progress: RestorationProgress, folder: FolderProgress? = nil) {
        if progress.share == 0 { lastTenth = 0 }
        pace.update(progress)
        if style == .json { return tellJSON(name, progress, folder) }
        let phase =
            switch progress.phase {
            case .encodingText: "encoding the prompt"
            case .encodingImage: "encoding the image"
            case .preparing: "preparing the networks"
            case .sampling: "step \(min(progress.step + 1, progress.stepCount)) of \(progress.stepCount)"
            case .decoding: "decoding the image"
            }
        show(name, share: progress.share, folder: folder) {
            let parts = [
                phase, progress.phase == .sampling ? pace.seconds.map { "\(formatDuration($0)) a step" } : nil,
                // Before the first step little is known.
                progress.step > 0 ? progress.secondsLeft.map { "\(formatDuration($0)) left" } : nil,
                terminal == nil ? nil : ResidentMemory.byteCount.map(Units.bytes),
            ]
            return parts.compactMap { $0 }.joined(separator: ", ")
        }
    }

    private func show(_ what: String, share: Double, folder: FolderProgress?, detail: () -> String) {
        guard !quiet, style == .auto else { return }
        let silence = lastShown.duration(to: clock.now)
        if let terminal {
            // As often as an eye can follow; the last one always.
            guard !lineIsOpen || silence > .milliseconds(50) || share == 1 else { return }
            var text = "\r" + terminal.line(what.printable, share: share, detail()) + "\u{1B}[K"
            if let folder { text += "\n" + terminal.line(folder.title, share: folder.share, folder.detail) + "\u{1B}[K\u{1B}[A\r" }
            writeToStandardError(text)
            lineIsOpen = true
        } else {
            // In a log: each tenth, but not for what is over in a moment; and a sign of life in between.
            let tenth = Int(share * 10)
            guard silence > .seconds(60) || (silence > .seconds(2) && tenth > lastTenth && share < 1) else { return }
            lastTenth = tenth
            let all = folder.map { "\($0.title), " } ?? ""
            writeToStandardError("\("\(all)\(what): \(Int(share * 100)) %, \(detail())".printable)\n")
        }
        lastShown = clock.now
    }

    // MARK: JSON

    private var lastJSON: (phase: RestorationProgress.Phase, step: Int)?

    private func tellJSON(_ name: String, _ progress: RestorationProgress, _ folder: FolderProgress?) {
        let isNew = lastJSON.map { $0 != (progress.phase, progress.step) } ?? true
        guard isNew || progress.share == 1 || lastShown.duration(to: clock.now) > .milliseconds(250) else { return }
        lastJSON = (progress.phase, progress.step)
        event(
            "progress",
            [
                "input": .string(name), "phase": .string(progress.phase.rawValue), "step": .integer(progress.step),
                "steps": .integer(progress.stepCount), "share": .number(progress.share), "seconds": .number(progress.seconds),
                "secondsLeft": progress.secondsLeft.map { .number($0) }, "secondsPerStep": pace.seconds.map { .number($0) },
                "memoryBytes": ResidentMemory.byteCount.map { .integer($0) }, "photograph": folder.map { .integer($0.index) },
                "photographs": folder.map { .integer($0.count) }, "allShare": folder.map { .number($0.share) },
                "allSecondsLeft": folder.map { .number($0.secondsLeft) },
            ])
    }

    /// A line of JSON, where such are wanted.
    func event(_ kind: String, _ fields: [String: JSONValue?]) {
        guard style == .json, !quiet else { return }
        lastShown = clock.now
        var object = fields.compactMapValues { $0 }
        object["event"] = .string(kind)
        writeToStandardError(encodeJSON(object, pretty: false) + "\n")
    }

    // MARK: Words

    /// The last word.
    func finish(_ text: String) {
        clear()
        guard !quiet else { return }
        if style == .json { return event("message", ["text": .string(text)]) }
        writeToStandardError("\(text.printable)\n")
    }

    /// Removes lines that are being overwritten, so that other text starts on its own.
    func clear() {
        if lineIsOpen { writeToStandardError("\r\u{1B}[J") }
        lineIsOpen = false
        lastShown = clock.now
        lastTenth = 0
    }

    /// Says something that the user should know, whatever becomes of the command.
    func warn(_ text: String) {
        clear()
        guard !quiet else { return }
        let text = namingOptions(text)
        if style == .json { return event("warning", ["text": .string(text)]) }
        writeToStandardError("Warning: \(text.printable)\n")
    }

    /// Says what failed, where the command goes on with something else.
    func report(_ error: any Error) {
        clear()
        if style == .json, !quiet { return event("error", ["text": .string(namingOptions("\(error)"))]) }
        writeToStandardError("Error: \(namingOptions("\(error)").printableLines)\n")
    }
}

extension FolderProgress {
    fileprivate var title: String { "\(min(index, count)) of \(count)" }
    fileprivate var detail: String { "\(formatDuration(secondsLeft)) left" }
}

/// Seconds a step takes, by those that were seen.
private struct StepPace {
    private var start: (step: Int, time: ContinuousClock.Instant)?
    private var last = -1
    private(set) var seconds: Double?

    mutating func update(_ progress: RestorationProgress) {
        guard progress.phase == .sampling else {
            if progress.phase != .decoding { self = StepPace() }
            return
        }
        guard let start, progress.step >= start.step else {
            start = (progress.step, .now)
            last = progress.step
            return
        }
        guard progress.step > last else { return }
        last = progress.step
        seconds = start.time.duration(to: .now) / .seconds(1) / Double(progress.step - start.step)
    }
}
