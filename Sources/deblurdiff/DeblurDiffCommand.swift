import ArgumentParser

@main
struct DeblurDiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deblurdiff",
        abstract: "Restores blurred photographs with DeblurDiff, on a CPU.",
        discussion: """
            Restore photographs with the small model that comes with the program:

              deblurdiff run blurred.png --output sharp.png

            or convert a checkpoint once, and restore with that:

              deblurdiff convert model.pth -o deblurdiff.ddiff.safetensors
              deblurdiff run blurred.png --model deblurdiff.ddiff.safetensors --output sharp.png
            """,
        version: version,
        subcommands: [
            ConvertCommand.self, RunCommand.self, InspectCommand.self, VerifyCommand.self, DumpCommand.self, DiffCommand.self, PassesCommand.self,
            ProfileCommand.self, BenchCommand.self, CompareCommand.self, ExecuteCommand.self, ExportCommand.self,
        ])

    static let version = "0.1.0"
}
