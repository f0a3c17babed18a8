import GraphIR
import GraphPasses
import Operators
import Tensors

/// What a pass does to a graph in text form, checked from all sides.
///
/// Beside the text that comes out: both graphs are valid, printing and parsing them is the identity, inputs and outputs keep
/// names and types, a second run changes nothing, the log is empty exactly if nothing changed, and both compute the same
/// numbers. (That a pass says truly whether it changed something is checked by the pipeline itself.)
public struct PassCheck {
    public var passes: [any Pass]
    public var comparesNumbers = true

    public init(_ passes: [any Pass]) { self.passes = passes }

    /// Everything that is wrong; nothing if the passes make `after` of `before`. Without `after` they must leave it as it is.
    ///
    /// What nodes come from is not compared.
    public func complaints(_ before: String, gives after: String? = nil) throws -> [String] {
        var found: [String] = []
        func expect(_ holds: Bool, _ complaint: @autoclosure () -> String) { if !holds { found.append(complaint()) } }

        let original = try GraphParser.parse(before, registry: .standard)
        let expected = try GraphParser.parse(after ?? before, registry: .standard)
        for graph in [original, expected] { found += Verifier.violations(graph) }
        let pipeline = try Pipeline(passes)
        let result = try pipeline.run(original, options: PipelineOptions(verifies: true))
        let text = result.graph.text
        expect(
            PassCheck.withoutOrigins(text) == PassCheck.withoutOrigins(expected.text),
            "the passes give\n\(text)\nnot\n\(expected.text)")
        expect(result.log.isEmpty == (text == original.text), "the log of \(result.log.count) rewrites is not true")
        expect(try GraphParser.parse(original.text, registry: .standard).text == original.text, "the text before does not print as it parses")
        expect(try GraphParser.parse(text, registry: .standard).text == text, "the text after does not print as it parses")
        let again = try pipeline.run(result.graph, options: PipelineOptions(verifies: true))
        expect(again.log.isEmpty && again.graph.text == text, "a second run gives\n\(again.graph.text)")
        if comparesNumbers {
            let runner = SeededRunner()
            let difference = try SeededRunner.largestRelativeDifference(runner.run(original), runner.run(result.graph))
            expect(difference <= SeededRunner.tolerance, "the numbers differ by \(difference)")
        }
        return found
    }

    static func withoutOrigins(_ text: String) -> [Substring] {
        text.split(separator: "\n").map { line in line.range(of: " from %").map { line[..<$0.lowerBound] } ?? line }
    }
}
