import Foundation

/// The manual page in roff, made from the help of all commands.
enum ManualPage {
    private struct Tool: Decodable { var command: Command }

    private struct Command: Decodable {
        var commandName: String
        var abstract: String?
        var discussion: String?
        var subcommands: [Command]?
        var arguments: [Argument]?
    }

    private struct Argument: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String
        }

        var kind: String
        var shouldDisplay: Bool
        var names: [Name]?
        var valueName: String?
        var abstract: String?
        var defaultValue: String?
        var isOptional: Bool
    }

    /// - Parameters:
    ///   - help: the parser's description of all commands, as JSON.
    static func text(help: String, version: String) throws -> String {
        let tool = try JSONDecoder().decode(Tool.self, from: Data(help.utf8)).command
        var text = ".TH DEBLURDIFF 1 \"\" \"deblurdiff \(version)\"\n.SH NAME\ndeblurdiff \\- \(escaped(tool.abstract ?? ""))\n"
        text += ".SH SYNOPSIS\n.B deblurdiff\n.I command\n[\n.I options\n]\n.SH DESCRIPTION\n\(paragraphs(tool.discussion))"
        for command in tool.subcommands ?? [] where command.commandName != "help" {
            text += ".SH \"deblurdiff \(command.commandName)\"\n\(escaped(command.abstract ?? ""))\n.PP\n\(paragraphs(command.discussion))"
            for argument in command.arguments ?? [] where argument.shouldDisplay {
                let value = "\\fI\(escaped(argument.valueName ?? ""))\\fR"
                let names = (argument.names ?? []).map { "\\fB\(escaped(($0.kind == "long" ? "--" : "-") + $0.name))\\fR" }.joined(separator: ", ")
                text += ".TP\n\(names.isEmpty ? value : argument.kind == "flag" ? names : "\(names) \(value)")\n"
                let standard = argument.defaultValue.map { " (default: \($0))" } ?? ""
                text += "\(escaped((argument.abstract ?? "") + standard))\n"
            }
        }
        for topic in HelpTopics.all { text += ".SH \"\(topic.name.uppercased())\"\n.nf\n\(escaped(topic.text))\n.fi\n" }
        return text
    }

    private static func paragraphs(_ text: String?) -> String {
        (text ?? "").components(separatedBy: "\n\n").filter { !$0.isEmpty }.map { part in
            part.hasPrefix("  ") ? ".nf\n\(escaped(part))\n.fi\n.PP\n" : "\(escaped(part))\n.PP\n"
        }.joined()
    }

    /// Lines that begin with a dot or an apostrophe would be requests, and hyphens would be set as such.
    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\e").replacing("-", with: "\\-").split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.hasPrefix(".") || $0.hasPrefix("'") ? "\\&\($0)" : String($0) }.joined(separator: "\n")
    }
}
