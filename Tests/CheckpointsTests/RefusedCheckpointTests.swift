import Checkpoints
import Files
import Foundation
import GraphTestSupport
import Tensors
import Testing

@Suite struct RefusedCheckpointTests {
    @Test(
        arguments: [
            ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("builtins", "getattr"), ("__builtin__", "exec"),
            ("torch.storage", "_load_from_bytes"), ("torch", "load"), ("torch._utils", "_rebuild_sparse_tensor"),
            ("subprocess", "Popen"), ("model", "ControlLDM"), ("torch.cuda", "device"),
            ("collections", "namedtuple"), ("numpy", "load"), ("torch.nn.modules.linear", "Linear"), ("", ""), ("torch", "FloatStorage.__class__"),
        ], [UInt8(2), 4])
    func refusesByName(global: (String, String), version: UInt8) throws {
        let call = TestPickle.call(.global(global.0, global.1), [.text("touch /tmp/never")])
        let value = TestPickle.dictionary([(.text("state_dict"), sampleStateDict()), (.text("callbacks"), call)])
        expectRefusal(TestArchive(value, version: version, storages: sampleStorages).encoded(), "asks for '\(global.0).\(global.1)'")
        expectRefusal(legacyTorchFile(value, version: version, storages: []), "asks for '\(global.0).\(global.1)'")
        // Mentioning it is refused too.
        let mention = TestPickle.dictionary([(.global(global.0, global.1), .none), (.text("state_dict"), sampleStateDict())])
        expectRefusal(TestArchive(mention, version: version, storages: sampleStorages).encoded(), "asks for '\(global.0).\(global.1)'")
    }

    @Test func refusesToMakeWhatIsOnlyMentioned() {
        let call = TestPickle.call(.global("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"), [])
        expectRefusal(TestArchive(.dictionary([(.text("c"), call)])).encoded(), "ModelCheckpoint")
    }

    @Test func refusesViewsOutsideTheirStorage() {
        func refuse(offset: Int = 0, _ shape: [Int], _ strides: [Int], count: Int = 24, _ words: String) {
            let tensor = TestPickle.tensor(.storage("0", "FloatStorage", count: count), offset: offset, shape: shape, strides: strides)
            expectRefusal(TestArchive(.stateDict([("a", tensor)]), storages: sampleStorages).encoded(), words)
        }
        refuse([25], [1], "reaches outside its storage")
        refuse(offset: 24, [1], [1], "reaches outside")
        refuse(offset: 1, [4, 6], [6, 1], "reaches outside")
        refuse([2, 2], [1 << 62, 1], "reaches outside")
        refuse([4, 4], [1 << 61, 1 << 61], "reaches outside")
        refuse([2], [-1], "impossible shape")
        refuse(offset: -1, [2], [1], "impossible shape")
        refuse([2, 2], [1], "impossible shape")
        refuse([-2], [1], "impossible shape")
        refuse([1 << 62, 8], [0, 0], "impossible shape")
        refuse([1 << 40], [0], "impossible shape")
        refuse([24], [1], count: 25, "should be 25 elements")
        refuse([24], [1], count: Int.max, "should be")
        refuse([24], [1], count: -1, "no name or size")
    }

    @Test func refusesBrokenArchives() {
        var compressed = TestArchive(sampleStateDict(), storages: sampleStorages)
        compressed.method = 8
        expectRefusal(compressed.encoded(), "is compressed")
        var encrypted = TestArchive(sampleStateDict(), storages: sampleStorages)
        encrypted.flags = 1
        expectRefusal(encrypted.encoded(), "is encrypted")
        var twice = TestArchive(sampleStateDict(), storages: sampleStorages)
        twice.entries.append(twice.entries[0])
        expectRefusal(twice.encoded(), "twice")
        var bigEndian = TestArchive(sampleStateDict(), storages: sampleStorages)
        bigEndian.entries[1].bytes = Array("big".utf8)
        expectRefusal(bigEndian.encoded(), "byte order")
        var program = TestArchive(sampleStateDict(), storages: sampleStorages)
        program.entries.append(("code/__torch__.py", []))
        expectRefusal(program.encoded(), "TorchScript")
        var packed = TestArchive(sampleStateDict(), storages: sampleStorages)
        packed.entries[0].name = "model.pth"
        expectRefusal(packed.encoded(), "no data.pkl")
        expectRefusal(TestArchive(sampleStateDict(), storages: [sampleStorages[0], sampleStorages[1]]).encoded(), "lacks the data of 'long'")
        var damaged = TestArchive(sampleStateDict(), storages: sampleStorages).encoded()
        damaged[150] ^= 1
        expectRefusal(damaged, "checksum of its pickle")
    }

    @Test func refusesOtherFiles() {
        expectRefusal([], "is empty")
        expectRefusal(Array("just some notes\n".utf8), "is a text file")
        expectRefusal(Array("<!DOCTYPE html>\n<html><body>Sign in</body></html>".utf8), "is a web page")
        expectRefusal(Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8), "git lfs pull")
        expectRefusal([0x1f, 0x8b, 8, 0, 0, 0], "gzip")
        expectRefusal([UInt8](repeating: 0, count: 257) + Array("ustar\u{0}00".utf8), "tar archive")
        expectRefusal(TestPickler.pickle(.dictionary([])), "torch.save did not write it")
        expectRefusal([UInt8](repeating: 0xab, count: 4096), "of no known format")
        expectRefusal(Array(littleEndian(UInt64(1) << 50)) + Array("{\"a\"".utf8), "impossible")
    }

    @Test func refusesOtherContents() {
        expectRefusal(TestArchive(.list([])).encoded(), "holds no state dict")
        expectRefusal(TestArchive(.dictionary([(.text("a"), .int(1))])).encoded(), "holds no tensors")
        expectRefusal(TestArchive(.tensor(.storage("0", "FloatStorage", count: 1), shape: [1], strides: [1])).encoded(), "single tensor")
        expectRefusal(TestArchive(.persistent(.tuple([.text("module"), .none]))).encoded(), "whole network")
    }

    @Test func boundsNesting() {
        // A tuple in a tuple in ... and a dictionary that holds itself, directly and through others.
        let tuples: [UInt8] = [0x80, 2, UInt8(ascii: ")")] + [UInt8](repeating: 0x85, count: 1_000_000) + [0x2e]
        expectRefusal(TestArchive(pickle: tuples).encoded(), "nested more deeply")
        let key: [UInt8] = [UInt8(ascii: "X"), 1, 0, 0, 0, UInt8(ascii: "a")]
        let cycle: [UInt8] = [0x80, 2, UInt8(ascii: "}"), UInt8(ascii: "q"), 0] + key + [UInt8(ascii: "h"), 0, UInt8(ascii: "s"), 0x2e]
        expectRefusal(TestArchive(pickle: cycle).encoded(), "holds no tensors")
        // l = []; then a million times l = [l]: long chains must not exhaust the stack when they are freed.
        var chain: [UInt8] = [0x80, 2, UInt8(ascii: "]"), UInt8(ascii: "q"), 0]
        let link = Array("]h\0aq\u{0}0h\0".utf8)
        for _ in 0..<300_000 { chain += link }
        expectRefusal(TestArchive(pickle: chain + [0x2e]).encoded(), "holds no state dict")
    }

    /// A few bytes of a pickle that make a container of another again and again, each time after that one has changed, so that every copy is kept. The second
    /// name is that of what is copied, or nothing for a copy that is made of a list.
    @Test(
        .timeLimit(.minutes(5)),
        arguments: [("__builtin__\nlist\n", "]", "h\0Na0"), ("collections\nOrderedDict\n", "}", "h\0NNs0"), ("collections\nCounter\n", "]", "h\0h\u{2}a0")])
    func boundsCopiesOfContainers(_ function: String, _ container: String, _ change: String) throws {
        // h2 is a pair, h0 the container with 1,000 of them, h1 the function.
        var pickle: [UInt8] = [0x80, 2] + Array("NN".utf8) + [0x86] + Array("q\u{2}0\(container)q\0".utf8)
        for _ in 0..<1000 { pickle += Array((container == "]" ? "h\u{2}a" : "NNs").utf8) }
        pickle += Array("c\(function)q\u{1}".utf8)
        let copy = Array("h\u{1}h\0".utf8) + [0x85] + Array("R\(change)".utf8)
        for _ in 0..<300_000 { pickle += copy }
        expectRefusal(TestArchive(pickle: pickle + [0x2e]).encoded(), "far more memory")
    }

    /// Everything else that grows by a byte of the pickle.
    @Test(.timeLimit(.minutes(5)), arguments: ["N", "(", "]", "}", ")", "K\u{1}", "Nq\0", "]q\u{1}"])
    func boundsWhatABytePuts(_ instructions: String) throws {
        var pickle: [UInt8] = [0x80, 2]
        for _ in 0..<400_000 / instructions.utf8.count { pickle += Array(instructions.utf8) }
        expectRefusal(TestArchive(pickle: pickle + [0x2e]).encoded(), "")
    }

    /// Tensors whose long names are joined from a key that is written once.
    @Test(.timeLimit(.minutes(5))) func boundsNamesAndShapes() throws {
        let tensor = TestPickle.tensor(.storage("0", "FloatStorage", count: 24), shape: [1], strides: [1])
        let many = TestPickle.dictionary((0..<50_000).map { (.text("\($0)"), $0 == 0 ? tensor : .raw([0x4e])) })
        #expect(throws: Never.self) {
            try withScratchFolder {
                try write(TestArchive(many, storages: sampleStorages).encoded(), to: $0 + "/f"); _ = try openCheckpoint($0 + "/f")
            }
        }
        let inner = TestPickle.dictionary((0..<200).map { (.text("\($0)"), tensor) })
        expectRefusal(
            TestArchive(.dictionary([(.text(String(repeating: "k", count: 1 << 20)), inner)]), storages: sampleStorages).encoded(), "far more memory")
        // A shape of a million numbers, which thousands of tensors share.
        let numbers = [UInt8(ascii: "(")] + [[UInt8]](repeating: [UInt8(ascii: "K"), 1], count: 200_000).flatMap { $0 } + Array("tq\u{7}0".utf8)
        let shape = TestPickle.raw(Array("h\u{7}".utf8))
        let one = TestPickle.call(
            .global("torch._utils", "_rebuild_tensor_v2"), [.storage("0", "FloatStorage", count: 24), .int(0), shape, shape, .bool(false), .none])
        expectRefusal(TestArchive(.list([.raw(numbers + [0x4e])] + (0..<20_000).map { _ in one }), storages: sampleStorages).encoded(), "")
    }

    @Test(
        arguments: [
            [0x2e], [UInt8(ascii: "0")], [UInt8(ascii: "h"), 3], [UInt8(ascii: "t")], [UInt8(ascii: "K"), 1, UInt8(ascii: "a")],
            [UInt8(ascii: "K"), 1, UInt8(ascii: "K"), 1, UInt8(ascii: "R")],
            [UInt8(ascii: "}"), UInt8(ascii: "("), UInt8(ascii: "K"), 1, UInt8(ascii: "u")],
            [UInt8(ascii: "K"), 1, UInt8(ascii: "Q")], [UInt8(ascii: "X"), 255, 255, 255, 255], [0x8d, 255, 255, 255, 255, 255, 255, 255, 255],
            [0x8b, 255, 255, 255, 255], [0x95, 255, 255, 255, 255, 255, 255, 255, 127], [UInt8(ascii: "i")], [0x82, 1], [0x98], [UInt8(ascii: "c"), 1, 2],
            [0x88, 0x88, 0x93], [UInt8(ascii: "b")], [UInt8(ascii: "2")],
        ] as [[UInt8]])
    func brokenPicklesAreErrors(instructions: [UInt8]) {
        expectRefusal(TestArchive(pickle: [0x80, 2] + instructions).encoded(), "")
        expectRefusal(TestArchive(pickle: [0x80, 2] + instructions + [0x2e]).encoded(), "")
    }

    @Test func missingFilesAndFolders() throws {
        try withScratchFolder { folder in
            #expect(throws: InputError.self) { try openCheckpoint(folder) }
            #expect(throws: InputError.self) { try openCheckpoint("\(folder)/absent.pth") }
        }
    }

    @Test func everyTruncationIsAnError() throws {
        try withScratchFolder { folder in
            let path = "\(folder)/file"
            var zip64 = TestArchive(sampleStateDict(), storages: sampleStorages)
            zip64.zip64 = true
            let old = sampleLegacyFile()
            for whole in [TestArchive(sampleStateDict(), version: 4, storages: sampleStorages).encoded(), zip64.encoded(), old] {
                try write(whole, to: path)
                for length in (0..<whole.count).reversed() {
                    truncate(path, off_t(length))
                    #expect(throws: InputError.self, "length \(length)") { try openCheckpoint(path) }
                }
            }
        }
    }

    @Test func mutationsNeverCrash() throws {
        try withScratchFolder { folder in
            let path = "\(folder)/file"
            var zip64 = TestArchive(sampleStateDict(), version: 2, storages: sampleStorages)
            zip64.zip64 = true
            zip64.withChecksums = false
            var recent = TestArchive(.dictionary([(.text("state_dict"), sampleStateDict())]), version: 4, storages: sampleStorages)
            recent.withChecksums = false
            let old = sampleLegacyFile()
            var generator = SeededGenerator(state: 3)
            var opened = 0
            for whole in [zip64.encoded(), recent.encoded(), old] {
                for _ in 0..<1500 {
                    var mutated = whole
                    for _ in 0..<Int.random(in: 1...5, using: &generator) {
                        mutated[Int.random(in: 0..<mutated.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
                    }
                    try write(mutated, to: path)
                    guard let file = try? openCheckpoint(path) else { continue }
                    opened += 1
                    for name in file.names { try file.forEachPiece(of: name) { _ = $0.reduce(0) { $0 &+ Int($1) } } }
                }
            }
            #expect(opened > 0)
        }
    }
}
