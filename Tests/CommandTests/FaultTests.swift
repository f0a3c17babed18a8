import Files
import Foundation
import GraphTestSupport
import Images
import Tensors
import Testing

/// What happens around the files: pipes, links, devices, names of any bytes, files that are cut short under way, memory that runs out.
@Suite struct FaultTests {
    /// A command that has said something is at work.
    private func waitForWords(in path: String) throws {
        while FileStatus(path)?.size ?? 0 == 0 { usleep(20_000) }
    }

    private func shell(_ script: String, in folder: String) throws -> Command.Outcome {
        try Command.run(["-c", script.replacing("PROGRAM", with: "'\(Command.path)'")], of: "/bin/sh", in: folder)
    }

    /// Opening a pipe that nobody writes into would wait for ever.
    @Test(.timeLimit(.minutes(5))) func pipesAreRefusedWhereverAFileIsOpened() throws {
        try withScratchFolder { folder in
            for name in ["pipe.png", "pipe.onnx", "pipe.npy", "photos/pipe.png"] {
                try FilePath.makeFolder(folder + "/photos")
                #expect(mkfifo("\(folder)/\(name)", 0o666) == 0)
            }
            let model = try SharedFiles.model
            try SharedFiles.writePhoto(folder + "/photo.png")
            for arguments in [
                ["run", "pipe.png", "-o", "o.png", "--model", model], ["run", "photos", "-o", "o/", "--model", model],
                ["run", "photo.png", "-o", "o.png", "--model", "pipe.png"], ["convert", "pipe.png", "-o", "o"], ["convert", "pipe.onnx", "-o", "o"],
                ["convert", try SharedFiles.checkpoint, "--config", "pipe.png", "-o", "o"],
                ["convert", try SharedFiles.checkpoint, "--config", SharedFiles.config, "--vocab", "pipe.png", "-o", "o"],
                ["execute", model, "--graph", "eac", "--input", "x=pipe.npy"], ["execute", "pipe.onnx"], ["inspect", "pipe.png"], ["verify", "pipe.png"],
            ] {
                let outcome = try Command.run(arguments, in: folder)
                #expect(outcome.status == 1 && outcome.errors.contains("is a pipe, not a regular file"), "\(arguments): \(outcome)")
            }
            #expect(try Command.contents(folder).keys.allSatisfy { !$0.hasPrefix("o") || $0 == "o" })
        }
    }

    @Test func resultsGoWhereALinkLeads() throws {
        try withScratchFolder { folder in
            try FilePath.makeFolder(folder + "/there")
            try SharedFiles.writePhoto(folder + "/photo.png", width: 64, height: 64)
            symlink("there/sharp.png", folder + "/link.png")
            let run = ["run", "photo.png", "--steps", "1", "--quiet", "--model", try SharedFiles.model, "-o"]
            #expect(try Command.run(run + ["link.png"], in: folder).status == 0)
            #expect(FilePath.linkTarget(folder + "/link.png") == "there/sharp.png")
            let sharp = try SharedFiles.read(folder + "/there/sharp.png")
            chmod(folder + "/there/sharp.png", 0o600)
            #expect(try Command.run(run + ["link.png"], in: folder).status == 0)
            #expect(FileStatus(folder + "/there/sharp.png")?.permissions == 0o600)
            // To standard output, and behind what is there already.
            let line = "PROGRAM run photo.png --steps 1 --quiet --model '\(try SharedFiles.model)' -o /dev/stdout"
            let outcome = try shell("\(line) > out.png && \(line) | cat > piped.png && printf abc > log && \(line) >> log", in: folder)
            #expect(outcome.status == 0, "\(outcome)")
            #expect(try SharedFiles.read(folder + "/out.png") == sharp && SharedFiles.read(folder + "/piped.png") == sharp)
            #expect(try SharedFiles.read(folder + "/log") == Array("abc".utf8) + sharp)
            #expect(FilePath.linkTarget("/dev/stdout") != nil)
            #expect(try Command.run(run + ["/dev/null"], in: folder).status == 0)
            try Command.expectFailure(run + ["/dev/full"], in: folder, says: ["/dev/full", "No space left"])
            mkfifo(folder + "/pipe", 0o666)
            try Command.expectFailure(run + ["pipe"], in: folder, says: ["pipe", "is a pipe"])
            try Command.expectFailure(run + [String(repeating: "n", count: 256)], in: folder, says: ["File name too long"])
        }
    }

    @Test func namesOfAnyBytes() throws {
        try withScratchFolder { folder in
            // Latin-1, and two spellings of the same letter, which are two files.
            let names = [FilePath.text([0x63, 0xe9]), "\u{e9}", "e\u{301}"].map { $0 + ".png" }
            try FilePath.makeFolder(folder + "/in")
            for (index, name) in names.enumerated() { try SharedFiles.writePhoto("\(folder)/in/\(name)", width: 64 + index, height: 64) }
            let options = "--steps 1 --model '\(try SharedFiles.model)'"
            let outcome = try shell("PROGRAM run in -o out \(options)", in: folder)
            #expect(outcome.status == 0, "\(outcome)")
            #expect(outcome.errors.contains(#"Wrote out/c\xe9.png: 64 x 64"#), "\(outcome)")
            for (index, name) in names.enumerated() { #expect(try Photo(reading: "\(folder)/out/\(name)").width == 64 + index) }
            let one = try shell(#"PROGRAM run "$(printf 'in/c\351.png')" -o "$(printf 'x\351.png')" "# + options, in: folder)
            #expect(one.status == 0 && FileStatus(FilePath.join(folder, FilePath.text([0x78, 0xe9]) + ".png")) != nil, "\(one)")
            let none = try shell(#"PROGRAM inspect "$(printf 'a\033[31m\351')""#, in: folder)
            #expect(none.status == 1 && none.errors.hasPrefix(#"Error: a\u001b[31m\xe9: cannot open the file"#), "\(none)")
        }
    }

    @Test(.timeLimit(.minutes(5))) func aModelThatIsCutShortUnderARun() throws {
        try withScratchFolder { folder in
            try FileManager.default.copyItem(atPath: SharedFiles.model, toPath: folder + "/model")
            try SharedFiles.writePhoto(folder + "/photo.png", width: 64, height: 64)
            let process = try Command.start(
                ["run", "photo.png", "-O", "0", "--steps", "1000", "--model", "model", "-o", "o.png"], in: folder, output: folder + "/text")
            try waitForWords(in: folder + "/text.err")
            truncate(folder + "/model", 4096)
            process.waitUntilExit()
            #expect(process.terminationReason == .exit && process.terminationStatus == 1)
            let errors = try String(contentsOfFile: folder + "/text.err", encoding: .utf8)
            #expect(errors.hasSuffix("Error: model: cannot be read any more: it was cut short while it was in use, or its disk fails\n"), "\(errors)")
            #expect(try Set(Command.contents(folder).keys) == ["model", "photo.png", "text.err", "text.out"])
        }
    }

    @Test(.timeLimit(.minutes(5))) func theQuitSignalQuits() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png", width: 64, height: 64)
            let process = try Command.start(
                ["run", "photo.png", "--steps", "1000", "--model", SharedFiles.model, "-o", "o.png"], in: folder, output: folder + "/text")
            try waitForWords(in: folder + "/text.err")
            kill(process.processIdentifier, SIGQUIT)
            process.waitUntilExit()
            #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGQUIT)
            // Nothing but how far it came.
            let lines = try String(contentsOfFile: folder + "/text.err", encoding: .utf8).split(separator: "\n")
            #expect(lines.allSatisfy { $0.hasPrefix("Restoring ") || $0.hasPrefix("photo.png: ") }, "\(lines)")
            #expect(FileStatus(folder + "/o.png") == nil)
        }
    }

    @Test func aCacheOfTimesThatCannotBeWritten() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png", width: 64, height: 64)
            let outcome = try shell(
                "XDG_CACHE_HOME=/dev/null/x PROGRAM run photo.png --tune --steps 1 --quiet --model '\(try SharedFiles.model)' -o o.png", in: folder)
            #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome)")
        }
    }

    /// With any limit on memory a command does its work, or ends with a message and status 1; it never traps or hangs.
    @Test(.timeLimit(.minutes(10))) func memoryThatRunsOut() throws {
        try withScratchFolder { folder in
            try SharedFiles.writePhoto(folder + "/photo.png", width: 64, height: 64)
            let model = try SharedFiles.model
            for command in ["verify '\(model)'", "run photo.png --steps 1 --model '\(model)' -o o.png"] {
                var failures = 0
                for megabytes in [90, 100, 110, 120, 130, 140, 160, 200, 300, 4000] {
                    let limit = "ulimit -c 0; ulimit -v \(megabytes << 10); exec timeout 60 PROGRAM"
                    // The loader, and then Swift's runtime, must have room for themselves.
                    guard try shell("\(limit) --version", in: folder).status == 0 else { continue }
                    let outcome = try shell("\(limit) \(command)", in: folder)
                    failures += outcome.status == 1 ? 1 : 0
                    #expect([0, 1].contains(outcome.status), "\(command) with \(megabytes) MB: \(outcome)")
                    #expect(outcome.status != 1 || outcome.errors.contains("Error: "), "\(command) with \(megabytes) MB: \(outcome)")
                    if megabytes == 4000 { #expect(outcome.status == 0, "\(outcome)") }
                }
            }
        }
    }
}
