import Foundation
import GraphPasses
import Testing

/// The documentation of passes is generated from their sources: `RECORD=1 swift test --filter PassDocumentationTests`.
@Suite struct PassDocumentationTests {
    @Test func isThatOfTheSources() throws {
        let passes = try Repository.files("Sources/GraphPasses/Passes").compactMap { try documentation($0) }
        let swift =
            "// swift-format-ignore-file\n// Generated from the doc comments in Passes/: RECORD=1 swift test --filter PassDocumentationTests\n\n"
            + "let passDocumentation: [String: String] = [\n"
            + passes.map { "    \"\($0.type)\": #\"\"\"\n\(indented($0.text))\n        \"\"\"#,\n" }.joined() + "]\n"
        try Repository.expectRecorded(swift, at: "Sources/GraphPasses/PassDocumentation.swift")
    }

    @Test func isThatOfTheManual() throws {
        let marker = "<!-- The rest is made from the doc comments of the passes. -->\n"
        let manual = try Repository.read("Docs/Passes.md")
        let end = try #require(manual.range(of: marker)).upperBound
        var text = String(manual[..<end])
        for entry in PassRegistry.entries {
            text += "\n### \(entry.order). `\(entry.name)`\n\n\(entry.documentation)\n"
            if !entry.runsAfter.isEmpty { text += "\nRuns after \(entry.runsAfter.map { "`\($0)`" }.joined(separator: ", ")).\n" }
        }
        try Repository.expectRecorded(text, at: "Docs/Passes.md")
    }

    private func indented(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.isEmpty ? "" : "        \($0)" }.joined(separator: "\n")
    }

    /// The doc comment in front of the file's public type.
    private func documentation(_ path: String) throws -> (type: String, text: String)? {
        let lines = try Repository.read(path).split(separator: "\n", omittingEmptySubsequences: false)
        guard let declaration = lines.firstIndex(where: { $0.hasPrefix("public struct ") && $0.contains("Pass {") }) else { return nil }
        let type = lines[declaration].dropFirst("public struct ".count).prefix { $0 != ":" }
        let comment = lines[..<declaration].reversed().prefix { $0.hasPrefix("///") }.reversed()
        return (String(type), comment.map { String($0.dropFirst($0.hasPrefix("/// ") ? 4 : 3)) }.joined(separator: "\n"))
    }
}
