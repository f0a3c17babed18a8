import Foundation
import ModelImport
import Tensors
import Testing

private let floats: [Float] = (0..<24).map { Float($0) - 7.5 }
private let halves: [Float16] = [1, -2, 0.5, 65504, 0]
private let storages = [(key: "0", bytes: bytes(floats)), (key: "1", bytes: bytes(halves)), (key: "2", bytes: bytes([Int64(5), -6]))]

/// A state dict with every kind of view.
private func sample(legacy: Bool = false) -> TestPickle {
    let storage = TestPickle.storage("0", "FloatStorage", count: 24, legacy: legacy)
    return .stateDict([
        ("whole", .tensor(storage, shape: [2, 3, 4], strides: [12, 4, 1])),
        ("transposed", .tensor(storage, shape: [4, 6], strides: [1, 4])),
        ("window", .parameter(.tensor(storage, offset: 5, shape: [2, 2], strides: [4, 1]))),
        ("repeated", .tensor(storage, offset: 23, shape: [3, 2], strides: [0, 0])),
        ("scalar", .tensor(storage, offset: 3, shape: [], strides: [])),
        ("empty", .tensor(storage, shape: [0, 4], strides: [4, 1])),
        ("column", .tensor(storage, offset: 2, shape: [5, 1], strides: [1, 5])),
        ("half", .tensor(.storage("1", "HalfStorage", count: 5, legacy: legacy), shape: [5], strides: [1])),
        ("long", .tensor(.storage("2", "LongStorage", count: 2, legacy: legacy), shape: [2], strides: [1])),
    ])
}

private func checkSample(_ source: some CheckpointSource, prefix: String = "") throws {
    #expect(source.names == ["whole", "transposed", "window", "repeated", "scalar", "empty", "column", "half", "long"].map { prefix + $0 })
    func values(_ name: String) throws -> [Float] { try source.floats(prefix + name) }
    #expect(source.type(of: prefix + "whole") == TensorType(.float32, [2, 3, 4]))
    #expect(try values("whole") == floats)
    #expect(try values("transposed") == (0..<24).map { floats[$0 / 6 + $0 % 6 * 4] })
    #expect(try values("window") == [floats[5], floats[6], floats[9], floats[10]])
    #expect(try values("repeated") == [Float](repeating: floats[23], count: 6))
    #expect(source.type(of: prefix + "scalar")?.shape == [])
    #expect(try values("scalar") == [floats[3]])
    #expect(source.type(of: prefix + "empty")?.shape == [0, 4])
    #expect(try values("empty") == [])
    #expect(try values("column") == Array(floats[2..<7]))
    #expect(source.type(of: prefix + "half")?.elementType == .float16)
    #expect(try values("half") == halves.map(Float.init))
    #expect(try values("long") == [5, -6])
    #expect(try source.tensor(prefix + "window").floatArray == [floats[5], floats[6], floats[9], floats[10]])
    #expect(throws: InputError.self) { try values("absent") }
}

private func open(_ contents: [UInt8], _ body: (CheckpointFile) throws -> Void = { _ in }) throws {
    try withTemporaryFolder { folder in
        try write(contents, to: "\(folder)/file")
        try body(try openCheckpoint("\(folder)/file"))
    }
}

/// Opens a file that must be refused, with the right words and its path.
private func expectRefusal(_ contents: [UInt8], _ words: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let error = #expect(throws: InputError.self, sourceLocation: sourceLocation) { try open(contents) }
    let text = error?.description ?? ""
    #expect(words.isEmpty || text.contains(words), "\(text)", sourceLocation: sourceLocation)
    #expect(error?.location?.hasSuffix("/file") == true, sourceLocation: sourceLocation)
}

@Suite struct CheckpointFileTests {
    @Test(arguments: [UInt8(2), 3, 4, 5], [false, true])
    func readsArchives(version: UInt8, zip64: Bool) throws {
        var archive = TestArchive(sample(), version: version, storages: storages)
        archive.zip64 = zip64
        archive.comment = zip64 ? "" : "a comment PK\u{5}\u{6}"
        for folder in ["archive", "any/other name", ""] {
            archive.folder = folder
            try open(archive.encoded()) { file in
                #expect(file.format == .torchArchive)
                try checkSample(file)
            }
        }
    }

    @Test(arguments: [UInt8(2), 3, 4, 5])
    func readsOldFiles(version: UInt8) throws {
        let contents = legacyTorchFile(
            sample(legacy: true), version: version,
            storages: [("2", 2, storages[2].bytes), ("0", 24, storages[0].bytes), ("1", 5, storages[1].bytes)])
        try open(contents) { file in
            #expect(file.format == .legacyTorch)
            try checkSample(file)
        }
    }

    @Test func readsSafetensors() throws {
        try withTemporaryFolder { folder in
            try writeSafetensors(path: "\(folder)/file", tensors: [("a", Tensor(floats, shape: [4, 6])), ("b", Tensor(TensorType(.bfloat16, [2])))])
            let file = try openCheckpoint("\(folder)/file")
            #expect(file.format == .safetensors)
            #expect(file.names == ["a", "b"])
            #expect(try file.floats("a") == floats)
            #expect(try file.floats("b") == [0, 0])
        }
    }

    @Test func readsEveryElementType() throws {
        let types = [
            ("FloatStorage", ElementType.float32), ("HalfStorage", .float16), ("BFloat16Storage", .bfloat16), ("DoubleStorage", .float64),
            ("LongStorage", .int64), ("IntStorage", .int32), ("ShortStorage", .int16), ("CharStorage", .int8), ("ByteStorage", .uint8),
            ("BoolStorage", .bool),
        ]
        let entries = types.map { name, _ in (name, TestPickle.tensor(.storage(name, name, count: 3), shape: [3], strides: [1])) }
        let data = types.map { name, type in (key: name, bytes: [UInt8](repeating: 0, count: 3 * type.byteSize)) }
        try open(TestArchive(.stateDict(entries), storages: data).encoded()) { file in
            for (name, type) in types {
                #expect(file.type(of: name) == TensorType(type, [3]))
                let values = try file.floats(name)
                #expect(values == [0, 0, 0])
            }
        }
    }

    @Test func cutsLargeViewsIntoPieces() throws {
        // 1500 x 1000 float32 is more than a piece, and rows do not fill one evenly.
        let values = (0..<1_500_000).map { Float($0) }
        let storage = TestPickle.storage("0", "FloatStorage", count: values.count)
        let archive = TestArchive(
            .stateDict([
                ("plain", .tensor(storage, shape: [1500, 1000], strides: [1000, 1])),
                ("transposed", .tensor(storage, shape: [1000, 1500], strides: [1, 1000])),
            ]), storages: [("0", bytes(values))])
        try open(archive.encoded()) { file in
            #expect(try file.floats("plain") == values)
            let transposed = try file.floats("transposed")
            #expect((0..<1_500_000).allSatisfy { transposed[$0] == Float($0 / 1500 + $0 % 1500 * 1000) })
            var longest = 0
            try file.forEachPiece(of: "transposed") { longest = max(longest, $0.count) }
            #expect(longest == CheckpointPieces.byteLimit)
        }
    }

    @Test func unwrapsNestedDictionaries() throws {
        let extras: [(TestPickle, TestPickle)] = [(.text("global_step"), .int(7)), (.text("lr"), .float(0.5))]
        for key in ["state_dict", "model", "module", "model_state_dict"] {
            let wrapped = TestPickle.dictionary(extras + [(.text(key), sample())])
            try open(TestArchive(wrapped, storages: storages).encoded()) { try checkSample($0) }
            let twice = TestPickle.dictionary([(.text("state_dict"), .dictionary([(.text(key), sample())]))])
            try open(TestArchive(twice, storages: storages).encoded()) { try checkSample($0) }
        }
        let named = TestPickle.dictionary([(.text("unet"), .dictionary([(.int(3), sample())]))])
        try open(TestArchive(named, storages: storages).encoded()) { try checkSample($0, prefix: "unet.3.") }
    }

    @Test func ignoresHarmlessValues() throws {
        let scalar = TestPickle.call(
            .global("numpy.core.multiarray", "scalar"),
            [
                .build(.call(.global("numpy", "dtype"), [.text("f8"), .bool(false), .bool(true)]), .tuple([.int(3), .text("<"), .none])),
                .call(.global("_codecs", "encode"), [.text("abc"), .text("latin1")]),
            ])
        let value = TestPickle.dictionary([
            (.text("state_dict"), sample()), (.text("best"), scalar), (.text("size"), .call(.global("torch", "Size"), [.tuple([.int(1)])])),
            (.text("device"), .call(.global("torch", "device"), [.text("cpu")])), (.text("dtype"), .global("torch", "float32")),
            (.text("set"), .call(.global("__builtin__", "set"), [.list([.int(1)])])),
            (.text("callbacks"), .dictionary([(.global("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"), .dictionary([]))])),
            (.text("large"), .raw([0x8a, 12] + [UInt8](repeating: 1, count: 12))),
        ])
        try open(TestArchive(value, storages: storages).encoded()) { try checkSample($0) }
    }

    @Test func readsUntypedStorages() throws {
        let storage = TestPickle.persistent(
            .tuple([.text("storage"), .global("torch.storage", "UntypedStorage"), .text("0"), .text("cpu"), .int(96)]))
        let tensor = TestPickle.call(
            .global("torch._utils", "_rebuild_tensor_v3"),
            [storage, .int(1), .tuple([.int(2)]), .tuple([.int(1)]), .bool(false), .ordered([]), .global("torch", "float32")])
        try open(TestArchive(.stateDict([("a", tensor)]), storages: storages).encoded()) { file in
            let values = try file.floats("a")
            #expect(values == [floats[1], floats[2]])
        }
    }

    @Test func acceptsMissingChecksums() throws {
        var archive = TestArchive(sample(), storages: storages)
        archive.withChecksums = false
        try open(archive.encoded()) { try checkSample($0) }
    }
}

@Suite struct RefusedCheckpointTests {
    @Test(arguments: [
        ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("builtins", "getattr"), ("__builtin__", "exec"), ("torch.storage", "_load_from_bytes"),
        ("torch", "load"), ("torch._utils", "_rebuild_sparse_tensor"), ("subprocess", "Popen"), ("model", "ControlLDM"), ("torch.cuda", "device"),
        ("collections", "namedtuple"), ("numpy", "load"), ("torch.nn.modules.linear", "Linear"), ("", ""), ("torch", "FloatStorage.__class__"),
    ], [UInt8(2), 4])
    func refusesByName(global: (String, String), version: UInt8) throws {
        let call = TestPickle.call(.global(global.0, global.1), [.text("touch /tmp/never")])
        let value = TestPickle.dictionary([(.text("state_dict"), sample()), (.text("callbacks"), call)])
        expectRefusal(TestArchive(value, version: version, storages: storages).encoded(), "asks for '\(global.0).\(global.1)'")
        expectRefusal(legacyTorchFile(value, version: version, storages: []), "asks for '\(global.0).\(global.1)'")
        // Mentioning it is refused too.
        let mention = TestPickle.dictionary([(.global(global.0, global.1), .none), (.text("state_dict"), sample())])
        expectRefusal(TestArchive(mention, version: version, storages: storages).encoded(), "asks for '\(global.0).\(global.1)'")
    }

    @Test func refusesToMakeWhatIsOnlyMentioned() {
        let call = TestPickle.call(.global("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"), [])
        expectRefusal(TestArchive(.dictionary([(.text("c"), call)])).encoded(), "ModelCheckpoint")
    }

    @Test func refusesViewsOutsideTheirStorage() {
        func refuse(offset: Int = 0, _ shape: [Int], _ strides: [Int], count: Int = 24, _ words: String) {
            let tensor = TestPickle.tensor(.storage("0", "FloatStorage", count: count), offset: offset, shape: shape, strides: strides)
            expectRefusal(TestArchive(.stateDict([("a", tensor)]), storages: storages).encoded(), words)
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
        var compressed = TestArchive(sample(), storages: storages)
        compressed.method = 8
        expectRefusal(compressed.encoded(), "is compressed")
        var encrypted = TestArchive(sample(), storages: storages)
        encrypted.flags = 1
        expectRefusal(encrypted.encoded(), "is encrypted")
        var twice = TestArchive(sample(), storages: storages)
        twice.entries.append(twice.entries[0])
        expectRefusal(twice.encoded(), "twice")
        var bigEndian = TestArchive(sample(), storages: storages)
        bigEndian.entries[1].bytes = Array("big".utf8)
        expectRefusal(bigEndian.encoded(), "byte order")
        var program = TestArchive(sample(), storages: storages)
        program.entries.append(("code/__torch__.py", []))
        expectRefusal(program.encoded(), "TorchScript")
        var packed = TestArchive(sample(), storages: storages)
        packed.entries[0].name = "model.pth"
        expectRefusal(packed.encoded(), "no data.pkl")
        expectRefusal(TestArchive(sample(), storages: [storages[0], storages[1]]).encoded(), "lacks the data of 'long'")
        var damaged = TestArchive(sample(), storages: storages).encoded()
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
        expectRefusal(TestArchive(pickle: [0x80, 2] + [UInt8](repeating: UInt8(ascii: ")"), count: 1) + [UInt8](repeating: 0x85, count: 1_000_000) + [0x2e]).encoded(), "nested more deeply")
        let key: [UInt8] = [UInt8(ascii: "X"), 1, 0, 0, 0, UInt8(ascii: "a")]
        let cycle: [UInt8] = [0x80, 2, UInt8(ascii: "}"), UInt8(ascii: "q"), 0] + key + [UInt8(ascii: "h"), 0, UInt8(ascii: "s"), 0x2e]
        expectRefusal(TestArchive(pickle: cycle).encoded(), "holds no tensors")
        // l = []; then a million times l = [l]: long chains must not exhaust the stack when they are freed.
        var chain: [UInt8] = [0x80, 2, UInt8(ascii: "]"), UInt8(ascii: "q"), 0]
        for _ in 0..<300_000 { chain += [UInt8(ascii: "]"), UInt8(ascii: "h"), 0, UInt8(ascii: "a"), UInt8(ascii: "q"), 0, UInt8(ascii: "0"), UInt8(ascii: "h"), 0] }
        expectRefusal(TestArchive(pickle: chain + [0x2e]).encoded(), "holds no state dict")
    }

    @Test(arguments: [
        [0x2e], [UInt8(ascii: "0")], [UInt8(ascii: "h"), 3], [UInt8(ascii: "t")], [UInt8(ascii: "K"), 1, UInt8(ascii: "a")],
        [UInt8(ascii: "K"), 1, UInt8(ascii: "K"), 1, UInt8(ascii: "R")], [UInt8(ascii: "}"), UInt8(ascii: "("), UInt8(ascii: "K"), 1, UInt8(ascii: "u")],
        [UInt8(ascii: "K"), 1, UInt8(ascii: "Q")], [UInt8(ascii: "X"), 255, 255, 255, 255], [0x8d, 255, 255, 255, 255, 255, 255, 255, 255],
        [0x8b, 255, 255, 255, 255], [0x95, 255, 255, 255, 255, 255, 255, 255, 127], [UInt8(ascii: "i")], [0x82, 1], [0x98], [UInt8(ascii: "c"), 1, 2],
        [0x88, 0x88, 0x93], [UInt8(ascii: "b")], [UInt8(ascii: "2")],
    ] as [[UInt8]])
    func brokenPicklesAreErrors(instructions: [UInt8]) {
        expectRefusal(TestArchive(pickle: [0x80, 2] + instructions).encoded(), "")
        expectRefusal(TestArchive(pickle: [0x80, 2] + instructions + [0x2e]).encoded(), "")
    }

    @Test func missingFilesAndFolders() throws {
        try withTemporaryFolder { folder in
            #expect(throws: InputError.self) { try openCheckpoint(folder) }
            #expect(throws: InputError.self) { try openCheckpoint("\(folder)/absent.pth") }
        }
    }

    @Test func everyTruncationIsAnError() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/file"
            var zip64 = TestArchive(sample(), storages: storages)
            zip64.zip64 = true
            let old = legacyTorchFile(
                sample(legacy: true), storages: [("0", 24, storages[0].bytes), ("1", 5, storages[1].bytes), ("2", 2, storages[2].bytes)])
            for whole in [TestArchive(sample(), version: 4, storages: storages).encoded(), zip64.encoded(), old] {
                try write(whole, to: path)
                for length in (0..<whole.count).reversed() {
                    truncate(path, off_t(length))
                    #expect(throws: InputError.self, "length \(length)") { try openCheckpoint(path) }
                }
            }
        }
    }

    @Test func mutationsNeverCrash() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/file"
            var zip64 = TestArchive(sample(), version: 2, storages: storages)
            zip64.zip64 = true
            zip64.withChecksums = false
            var recent = TestArchive(.dictionary([(.text("state_dict"), sample())]), version: 4, storages: storages)
            recent.withChecksums = false
            let old = legacyTorchFile(
                sample(legacy: true), storages: [("0", 24, storages[0].bytes), ("1", 5, storages[1].bytes), ("2", 2, storages[2].bytes)])
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
