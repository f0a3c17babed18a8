import GraphPasses
import GraphTestSupport
import Testing

/// Expects passes to make one text of another; see ``PassCheck``.
func expectRewrite(
    _ before: String, by passes: any Pass..., gives after: String, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    for complaint in try PassCheck(passes).complaints(before, gives: after) {
        Issue.record(Comment(rawValue: complaint), sourceLocation: sourceLocation)
    }
}

/// Expects passes to leave a graph as it is.
func expectUnchanged(_ text: String, by passes: any Pass..., sourceLocation: SourceLocation = #_sourceLocation) throws {
    for complaint in try PassCheck(passes).complaints(text) { Issue.record(Comment(rawValue: complaint), sourceLocation: sourceLocation) }
}

/// A graph around some lines.
func graph(_ lines: String) -> String {
    "graph g {\n" + lines.split(separator: "\n").map { "  \($0.drop { $0 == " " })\n" }.joined() + "}\n"
}
