import ArgumentParser
import Foundation
import GraphPasses

struct PassesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "passes", abstract: "List every pass in its order, or show what one does.")

    @Argument(help: ArgumentHelp("A pass, to show its documentation.", valueName: "pass"))
    var pass: String?

    func run() throws {
        guard let pass else {
            let width = PassRegistry.entries.map(\.name.count).max() ?? 0
            for entry in PassRegistry.entries {
                let number = entry.order < 10 ? " \(entry.order)" : "\(entry.order)"
                try print("\(number)  \(entry.name.padding(toLength: width, withPad: " ", startingAt: 0))  \(entry.summary)")
            }
            return
        }
        guard let entry = PassRegistry.entries.first(where: { $0.name == pass }) else {
            throw ValidationError("There is no pass '\(pass)'; 'deblurdiff passes' lists them.")
        }
        try print("\(entry.name), pass \(entry.order) of \(PassRegistry.entries.count)")
        if !entry.runsAfter.isEmpty { try print("runs after \(entry.runsAfter.joined(separator: ", "))") }
        try print("\n\(entry.documentation)")
    }
}
