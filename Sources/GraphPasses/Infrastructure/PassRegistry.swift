import Files
import GraphIR
import Tensors

/// Every pass there is, with what its doc comment says.
public enum PassRegistry {
    public struct Entry: Sendable {
        public var name: String
        /// The place in the standard pipeline, from 1.
        public var order: Int
        /// The first paragraph of the documentation, as one line.
        public var summary: String
        /// The doc comment of the pass, as it stands in the source.
        public var documentation: String
        /// Names of the passes that it must follow.
        public var runsAfter: [String]
    }

    /// In the order of the pipeline.
    public static let entries: [Entry] = Pipeline.standard(changingInputs: ["z"]).passes.enumerated().map { index, pass in
        let text = passDocumentation["\(type(of: pass))"] ?? ""
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return Entry(
            name: pass.name, order: index + 1, summary: lines.prefix { !$0.isEmpty }.joined(separator: " "), documentation: text,
            runsAfter: type(of: pass).runsAfter.map { $0.name })
    }

    /// Throws where a name is neither that of a pass here nor of one of those.
    public static func check(_ names: Set<String>, or others: [any Pass]) throws {
        let known = entries.map(\.name) + others.map(\.name)
        guard let unknown = names.subtracting(known).min() else { return }
        throw InputError("there is no pass '\(unknown)'", advice: "The passes are: " + known.joined(separator: ", "))
    }
}
