import Files
import Foundation
import GraphFile
import GraphTestSupport
import TensorFiles
import Tensors
import Testing

@Suite struct ConvertTests {
    private let config = SharedFiles.config

    @Test func aModelIsWrittenInspectedAndVerified() throws {
        let model = try SharedFiles.model
        let inspected = try Command.run(["inspect", model])
        #expect(inspected.status == 0)
        for word in ["from tiny.safetensors", "vocabulary: none", "text_encoder", "unet", "control_net", "lkpn", "vae_decoder", "sha256"] {
            #expect(inspected.output.contains(word), "\(word)")
        }
        let verified = try Command.run(["verify", model])
        #expect(verified.status == 0)
        #expect(verified.errors.contains("is sound"))
        #expect(try Command.run(["verify", "--quiet", model]).errors.isEmpty)
    }

    @Test func halfPrecisionInTheConfigIsAWarning() throws {
        try withScratchFolder { folder in
            let yaml = try String(contentsOfFile: config, encoding: .utf8).replacingOccurrences(of: "unet_cfg:\n", with: "unet_cfg:\n    use_fp16: true\n")
            try SharedFiles.write(yaml.utf8, folder + "/half.yaml")
            let outcome = try Command.run(["convert", SharedFiles.checkpoint, "--config", "half.yaml", "-o", "m"], in: folder)
            #expect(outcome.status == 0 && outcome.errors.contains("Warning: half.yaml: params.unet_cfg.use_fp16 is true"), "\(outcome)")
        }
    }

    @Test(arguments: ["float16", "bfloat16"])
    func halvedWeights(_ type: String) throws {
        try withScratchFolder { folder in
            let arguments = ["convert", try SharedFiles.checkpoint, "--config", config, "--dtype", type, "-o", "m.ddiff.safetensors"]
            let outcome = try Command.run(arguments, in: folder)
            #expect(outcome.status == 0, "\(outcome)")
            #expect(outcome.errors.contains("Wrote m.ddiff.safetensors"))
            let sizes = try Command.contents(folder)
            #expect(sizes.count == 1)
            let full = try #require(Command.contents(FilePath.folder(of: try SharedFiles.model))["tiny.ddiff.safetensors"])
            #expect(sizes.values.first! < full * 6 / 10)
            #expect(try Command.run(["verify", "m.ddiff.safetensors"], in: folder).status == 0)
            // Again, over the old one; nothing is said with --quiet.
            let again = try Command.run(arguments + ["--quiet"], in: folder)
            #expect(again.status == 0)
            #expect(again.errors.isEmpty && again.output.isEmpty)
            #expect(try Command.contents(folder) == sizes)
        }
    }

    @Test func strangersInACheckpointAreNamed() throws {
        try withScratchFolder { folder in
            var keys = try readCheckpointKeys(repositoryFile("Tests/Fixtures/tiny_keys.json"))
            keys.append((key: "optimizer.step", shape: [2]))
            try writeSeededCheckpoint(keys: keys, seed: 1, to: folder + "/c.safetensors")
            let outcome = try Command.run(["convert", "c.safetensors", "--config", config, "-o", "m"], in: folder)
            #expect(outcome.status == 0)
            #expect(outcome.errors.contains("Warning: 1 tensor of no network left out: 'optimizer.step'"))
        }
    }

    @Test func filesThatAreNoCheckpoints() throws {
        try withScratchFolder { folder in
            func expect(_ name: String, _ bytes: some Sequence<UInt8>, _ words: String...) throws {
                try SharedFiles.write(bytes, "\(folder)/\(name)")
                try Command.expectFailure(["convert", name, "--config", config, "-o", "model"], in: folder, says: [name] + words)
            }
            try Command.expectFailure(["convert", "none.pth", "-o", "model"], in: folder, says: ["none.pth", "No such file"])
            try Command.expectFailure(["convert", ".", "-o", "model"], in: folder, says: ["is a folder"])
            try Command.expectFailure(["convert", "/dev/null", "-o", "model"], in: folder, says: ["/dev/null", "not a regular file"])
            try expect("empty.pth", [])
            try expect("text.pth", "this is no checkpoint\n".utf8)
            try expect("garbage.pth", (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7919 >> 3) })
            try expect("archive.pth", Array("PK\u{3}\u{4}".utf8) + (0..<500).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            // Programs in the place of weights: protocol 2, GLOBAL, a call.
            let program = [0x80, 0x02] + Array("cos\nsystem\nX\u{5}\0\0\0touch\u{85}R.".utf8)
            try expect("program.pth", program)
            try expect("archived-program.pth", storedZip([("archive/data.pkl", program), ("archive/version", Array("3\n".utf8))]), "os.system")
            #expect(!FileManager.default.fileExists(atPath: folder + "/touch"))
        }
    }

    @Test func brokenSafetensors() throws {
        try withScratchFolder { folder in
            func header(_ json: String, data: Int = 64) -> [UInt8] {
                withUnsafeBytes(of: UInt64(json.utf8.count).littleEndian) { Array($0) } + Array(json.utf8) + [UInt8](repeating: 0, count: data)
            }
            func expect(_ name: String, _ bytes: [UInt8], _ words: String...) throws {
                try SharedFiles.write(bytes, "\(folder)/\(name)")
                try Command.expectFailure(["convert", name, "--config", config, "-o", "model"], in: folder, says: [name] + words)
            }
            let terabytes = #"{"unet.x":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}"#
            try expect("terabytes.safetensors", header(terabytes), "4398046511104")
            try expect(
                "overflow.safetensors",
                header(#"{"unet.x":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,4]}}"#), "impossible shape")
            try expect(
                "overlap.safetensors",
                header(
                    #"{"unet.x":{"dtype":"F32","shape":[8],"data_offsets":[0,32]},"unet.y":{"dtype":"F32","shape":[8],"data_offsets":[16,48]}}"#),
                "overlap")
            try expect("twice.safetensors", header(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{}}"#), "twice")
            try expect("huge-header.safetensors", [255, 255, 255, 255, 255, 255, 255, 127, 123, 125])
            let whole = try SharedFiles.read(SharedFiles.checkpoint)
            for count in [1, 8, 9, 1000, 100_000, whole.count / 2, whole.count - 1] {
                try expect("cut-\(count).safetensors", Array(whole.prefix(count)))
            }
        }
    }

    @Test func weightsThatAreNotNumbers() throws {
        try withScratchFolder { folder in
            var bytes = try SharedFiles.read(SharedFiles.checkpoint)
            let file = try SafetensorsFile(path: SharedFiles.checkpoint)
            let place = try #require(file.entry("unet.out.2.weight")).byteRange.lowerBound
            bytes.replaceSubrange(place + 40..<place + 44, with: [0, 0, 0xc0, 0x7f])
            try SharedFiles.write(bytes, folder + "/nan.safetensors")
            try Command.expectFailure(
                ["convert", "nan.safetensors", "--config", config, "-o", "model"], in: folder, says: ["unet.out.2.weight", "1 of", "not finite"])
        }
    }

    @Test func weightsThatDoNotFitTheConfig() throws {
        try withScratchFolder { folder in
            let checkpoint = try SharedFiles.checkpoint
            // Without a config the released sizes are expected.
            try Command.expectFailure(["convert", checkpoint, "-o", "model"], in: folder, says: ["misshapen", "missing", "--config"])
            try SharedFiles.write("params: [1, 2".utf8, folder + "/broken.yaml")
            try Command.expectFailure(["convert", checkpoint, "--config", "broken.yaml", "-o", "model"], in: folder, says: ["broken.yaml"])
            try SharedFiles.write("params: {}".utf8, folder + "/short.yaml")
            try Command.expectFailure(["convert", checkpoint, "--config", "short.yaml", "-o", "model"], in: folder, says: ["short.yaml", "missing"])
            try Command.expectFailure(["convert", checkpoint, "--config", "none.yaml", "-o", "model"], in: folder, says: ["none.yaml"])
            try SharedFiles.write("not gzip".utf8, folder + "/vocab.gz")
            try Command.expectFailure(
                ["convert", checkpoint, "--config", config, "--vocab", "vocab.gz", "-o", "model"], in: folder, says: ["vocab.gz"])
            try Command.expectFailure(
                ["convert", "--sd", checkpoint, "--controlnet", checkpoint, "--lkpn", checkpoint, "--config", config, "-o", "model"], in: folder,
                says: ["does not hold"])
        }
    }

    @Test func placesWhereNothingCanBeWritten() throws {
        try withScratchFolder { folder in
            let checkpoint = try SharedFiles.checkpoint
            func expect(_ output: String, _ words: String...) throws {
                try Command.expectFailure(
                    ["convert", checkpoint, "--config", config, "-o", output], in: folder, says: [String(output.split(separator: "/")[0])] + words)
            }
            try expect("none/model", "does not exist")
            try expect("/proc/model")
            try FileManager.default.createDirectory(atPath: folder + "/sub", withIntermediateDirectories: false)
            try expect("sub", "is a folder")
            try expect("sub/", "is a folder")
            try SharedFiles.write("x".utf8, folder + "/file")
            try expect("file/model", "not a folder")
            if getuid() != 0 {
                try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: folder + "/sub")
                try expect("sub/model", "Permission denied")
            }
        }
    }

    @Test func aCheckpointDoesNotReplaceItself() throws {
        try withScratchFolder { folder in
            try FileManager.default.copyItem(atPath: SharedFiles.checkpoint, toPath: folder + "/c.safetensors")
            try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "c.safetensors")
            try FileManager.default.linkItem(atPath: folder + "/c.safetensors", toPath: folder + "/hard")
            for output in ["c.safetensors", "./c.safetensors", "link", "hard"] {
                try Command.expectFailure(
                    ["convert", "c.safetensors", "--config", config, "-o", output], in: folder, says: ["would be replaced"])
            }
        }
    }

    /// Whatever ends the command, and whenever: there is the whole file or none.
    @Test(arguments: [SIGINT, SIGTERM, SIGKILL])
    func interruption(_ signal: Int32) throws {
        let checkpoint = try SharedFiles.checkpoint
        for delay in [0.03, 0.1, 0.2, 0.4] {
            try withScratchFolder { folder in
                try FileManager.default.createDirectory(atPath: folder + "/out", withIntermediateDirectories: false)
                let process = try Command.start(
                    ["convert", checkpoint, "--config", config, "-o", "out/model.ddiff.safetensors"], in: folder, output: folder + "/text")
                Thread.sleep(forTimeInterval: delay)
                kill(process.processIdentifier, signal)
                process.waitUntilExit()
                let left = try Command.contents(folder + "/out")
                #expect(left.isEmpty || Array(left.keys) == ["model.ddiff.safetensors"], "\(left)")
                if !left.isEmpty { #expect(try Command.run(["verify", folder + "/out/model.ddiff.safetensors"]).status == 0) }
            }
        }
    }

    /// A disk of one megabyte, where the tests may make one.
    @Test func aFullDisk() throws {
        guard getuid() == 0 else { return }
        try withScratchFolder { folder in
            let disk = folder + "/disk"
            try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
            guard try shell("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk) == 0 else { return }
            defer { _ = try? shell("umount", disk) }
            try Command.expectFailure(
                ["convert", SharedFiles.checkpoint, "--config", config, "-o", "model"], in: disk, says: ["model", "the disk has only", "Free some space"])
            // Too full for a picture as well, which is only known when it is written.
            try SharedFiles.write([UInt8](repeating: 1, count: 1_040_000), disk + "/filler")
            try SharedFiles.writePhoto(folder + "/photo.png")
            try Command.expectFailure(
                ["run", folder + "/photo.png", "--model", SharedFiles.model, "--steps", "1", "--output", "sharp.png", "--quiet"], in: disk,
                says: ["sharp.png", "No space left"])
        }
    }

    private func shell(_ arguments: String...) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}

/// A zip archive of stored entries.
private func storedZip(_ entries: [(name: String, bytes: [UInt8])]) -> [UInt8] {
    func little(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for (name, bytes) in entries {
        let common =
            little(UInt16(0)) + little(UInt16(0)) + little(UInt32(0)) + little(CRC32.checksum(of: bytes))
            + little(UInt32(bytes.count)) + little(UInt32(bytes.count)) + little(UInt16(name.utf8.count)) + little(UInt16(0))
        directory +=
            little(UInt32(0x0201_4b50)) + little(UInt16(20)) + little(UInt16(20)) + common + little(UInt16(0)) + little(UInt16(0))
            + little(UInt16(0)) + little(UInt32(0)) + little(UInt32(file.count)) + Array(name.utf8)
        file += little(UInt32(0x0403_4b50)) + little(UInt16(20)) + common + Array(name.utf8) + bytes
    }
    let count = UInt16(entries.count)
    return file + directory + little(UInt32(0x0605_4b50)) + little(UInt16(0)) + little(UInt16(0)) + little(count) + little(count)
        + little(UInt32(directory.count)) + little(UInt32(file.count)) + little(UInt16(0))
}
