import GraphTestSupport
import Testing

@Suite struct UsageTests {
    private static let commands = [
        "convert", "run", "blur", "evaluate", "inspect", "verify", "dump", "diff", "passes", "profile", "bench", "compare", "execute", "export",
    ]

    @Test(arguments: [[]] + commands.map { [$0] })
    func everyCommandExplainsItself(_ command: [String]) throws {
        let outcome = try Command.run(command + ["--help"])
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("USAGE: deblurdiff"))
        #expect(outcome.output.contains("OVERVIEW: "))
        #expect(outcome.errors.isEmpty)
    }

    @Test func theListOfCommandsIsComplete() throws {
        let outcome = try Command.run([])
        #expect(outcome.status == 0)
        for command in Self.commands { #expect(outcome.output.contains("\n  \(command) "), "\(command)") }
        #expect(try Command.run(["--version"]).output.contains("."))
    }

    @Test(
        arguments: [
            (["restore"], "There is no command 'restore'. The commands are: convert, run, "),
            (["inspct", "m", "--size", "8x8"], "There is no command 'inspct'. Did you mean 'inspect'?"),
            (["rnu"], "Did you mean 'run'?"),
            (["Comp"], "Did you mean 'compare'?"),
            (["/dev/null"], "To restore photographs: deblurdiff run /dev/null"),
            (["run"], "Say where to write, with --output"),
            (["run", "a.png", "--model", "m"], "--output"),
            (["run", "a.png", "--model", "m", "--output", "b.png", "--steps", "0"], "--steps must be 1 to 1000"),
            (["run", "a.png", "--model", "m", "--output", "b.png", "--steps", "many"], "many"),
            (["run", "a.png", "--model", "m", "--output", "b.png", "--seed=-1"], "-1"),
            (["run", "a.png", "--model", "m", "--output", "b.png", "--threads", "0"], "--threads must be"),
            (["run", "a.png", "--model", "m", "--output", "b.png", "--cfg-scale", "nan"], "--cfg-scale must be a number"),
            (["run", "a.png", "--model", "m", "--output", "b.png", "--strength", "inf"], "--strength must be a number"),
            (["run", "a.png", "--model", "m", "--output", "b.png", "--tile-size", "0"], "must be positive"),
            (["run", "a.png", "--model", "m", "--output", "b.png", "--tiled", "--g-scale", "1"], "--g-scale"),
            (["run", "a.png", "--model", "m", "--output", "b.png", "--g-start", "9"], "need --g-scale"),
            (["run", "a.png", "--model", "m", "--output", "b.png", "--seed-mode", "twice"], "twice"),
            (["run", "a.png", "--model", "m", "--output", "b.png", "--fast"], "--fast"),
            (["run", "", "--model", "m", "--output", "b.png"], "empty"),
            (["convert"], "--output"),
            (["convert", "-o", "m"], "Name a checkpoint"),
            (["convert", "a", "b", "-o", "m"], "b"),
            (["convert", "a", "--sd", "b", "-o", "m"], "either one checkpoint"),
            (["convert", "--sd", "a", "--lkpn", "b", "-o", "m"], "belong together"),
            (["convert", "a", "-o", "m", "--dtype", "int8"], "int8"),
            (["inspect", "m", "n"], "n"),
            (["bench", "m", "--kernels"], "--kernels takes no model"),
            (["bench", "--model", "m", "--kernels"], "--kernels takes no model"),
            (["bench", "--json", "--kernels", "x"], "--kernels takes no model"),
            (["inspect", "m", "--model", "n"], "The model is named twice: as 'm' and with --model."),
            (["run", "m.safetensors", "a.png", "--model", "n", "-o", "b.png"], "named twice"),
            (["run", "m.safetensors", "-o", "b.png"], "Name at least one image"),
            (["profile", "--model", "m", "a.png", "b.png", "c.png"], "named twice"),
            (["profile", "m", "a.png", "b.png"], "Name one image, not 2"),
            (["compare", "m.safetensors"], "Name one image, not 0"),
            (["run", "a.png", "-o", "b.png", "-O2"], "Please provide one of '0' and '1'"),
            (["inspect", "-O", "3"], "Please provide one of '0' and '1'"),
            (["compare", "a.png", "--against", "-O2"], "-O2"),
        ] as [([String], String)])
    func mistakesInTheCommandLineAreUsageErrors(_ arguments: [String], _ words: String) throws {
        try withScratchFolder { folder in
            let outcome = try Command.run(arguments, in: folder)
            #expect(outcome.status == 64, "\(outcome)")
            #expect(outcome.errors.hasPrefix("Error: "))
            #expect(outcome.errors.contains(words), "\(outcome)")
            #expect(outcome.errors.contains("Usage: deblurdiff"), "\(outcome)")
            #expect(try Command.contents(folder).isEmpty)
        }
    }
}
