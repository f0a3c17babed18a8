import Foundation
import Testing

/// Files of the source tree that tests compare with, and record anew when the environment says `RECORD=1`.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static var isRecording: Bool { ProcessInfo.processInfo.environment["RECORD"] == "1" }

    static func read(_ path: String) throws -> String { try String(contentsOf: root.appending(path: path), encoding: .utf8) }

    /// The files of a folder, sorted.
    static func files(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path).sorted().map { "\(folder)/\($0)" }
    }

    /// Expects a file to hold a text, or writes it.
    static func expectRecorded(_ text: String, at path: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        if isRecording {
            let url = root.appending(path: path)
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: url, atomically: true, encoding: .utf8)
            return
        }
        let recorded = (try? read(path)) ?? ""
        guard recorded != text else { return }
        let (old, new) = (recorded.split(separator: "\n"), text.split(separator: "\n"))
        let line = zip(old, new).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(old.count, new.count)
        Issue.record(
            """
            \(path) is not up to date from line \(line + 1):
            recorded: \(line < old.count ? String(old[line]) : "end")
            now:      \(line < new.count ? String(new[line]) : "end")
            Record it with RECORD=1 and look at the difference.
            """, sourceLocation: sourceLocation)
    }
}
