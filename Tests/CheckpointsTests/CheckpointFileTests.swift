import Checkpoints
import Files
import Foundation
import GraphFile
import GraphTestSupport
import TensorFiles
import Tensors
import Testing

@Suite struct CheckpointFileTests {
    /// Who is given a checkpoint where a converted model belongs says so.
    @Test func isToldFromAModel() throws {
        try withScratchFolder { folder in
            let archive = TestArchive(
                .stateDict([("a", .tensor(.storage("0", "FloatStorage", count: 1), shape: [1], strides: [1]))]), storages: [("0", [0, 0, 0, 0])])
            try write(archive.encoded(), to: "\(folder)/a.pth")
            let error = #expect(throws: InputError.self) { try ModelFile(path: "\(folder)/a.pth") }
            #expect(error?.description.contains("is a checkpoint (PyTorch archive)") == true)
        }
    }

    @Test(arguments: [UInt8(2), 3, 4, 5], [false, true])
    func readsArchives(version: UInt8, zip64: Bool) throws {
        var archive = TestArchive(sampleStateDict(), version: version, storages: sampleStorages)
        archive.zip64 = zip64
        archive.comment = zip64 ? "" : "a comment PK\u{5}\u{6}"
        for folder in ["archive", "any/other name", ""] {
            archive.folder = folder
            try openContents(archive.encoded()) { file in
                #expect(file.format == .torchArchive)
                try checkSample(file)
            }
        }
    }

    @Test(arguments: [UInt8(2), 3, 4, 5])
    func readsOldFiles(version: UInt8) throws {
        let contents = sampleLegacyFile(version: version)
        try openContents(contents) { file in
            #expect(file.format == .legacyTorch)
            try checkSample(file)
        }
    }

    @Test func readsSafetensors() throws {
        try withScratchFolder { folder in
            let tensors = [("a", Tensor(sampleFloats, shape: [4, 6])), ("b", Tensor(TensorType(.bfloat16, [2])))]
            try writeSafetensors(path: "\(folder)/file", tensors: tensors)
            let file = try openCheckpoint("\(folder)/file")
            #expect(file.format == .safetensors)
            #expect(file.names == ["a", "b"])
            #expect(try file.floats("a") == sampleFloats)
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
        try openContents(TestArchive(.stateDict(entries), storages: data).encoded()) { file in
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
        try openContents(archive.encoded()) { file in
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
            let wrapped = TestPickle.dictionary(extras + [(.text(key), sampleStateDict())])
            try openContents(TestArchive(wrapped, storages: sampleStorages).encoded()) { try checkSample($0) }
            let twice = TestPickle.dictionary([(.text("state_dict"), .dictionary([(.text(key), sampleStateDict())]))])
            try openContents(TestArchive(twice, storages: sampleStorages).encoded()) { try checkSample($0) }
        }
        let named = TestPickle.dictionary([(.text("unet"), .dictionary([(.int(3), sampleStateDict())]))])
        try openContents(TestArchive(named, storages: sampleStorages).encoded()) { try checkSample($0, prefix: "unet.3.") }
    }

    @Test func ignoresHarmlessValues() throws {
        let scalar = TestPickle.call(
            .global("numpy.core.multiarray", "scalar"),
            [
                .build(.call(.global("numpy", "dtype"), [.text("f8"), .bool(false), .bool(true)]), .tuple([.int(3), .text("<"), .none])),
                .call(.global("_codecs", "encode"), [.text("abc"), .text("latin1")]),
            ])
        let value = TestPickle.dictionary([
            (.text("state_dict"), sampleStateDict()), (.text("best"), scalar), (.text("size"), .call(.global("torch", "Size"), [.tuple([.int(1)])])),
            (.text("device"), .call(.global("torch", "device"), [.text("cpu")])), (.text("dtype"), .global("torch", "float32")),
            (.text("set"), .call(.global("__builtin__", "set"), [.list([.int(1)])])),
            (.text("callbacks"), .dictionary([(.global("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"), .dictionary([]))])),
            (.text("large"), .raw([0x8a, 12] + [UInt8](repeating: 1, count: 12))),
        ])
        try openContents(TestArchive(value, storages: sampleStorages).encoded()) { try checkSample($0) }
    }

    @Test func readsUntypedStorages() throws {
        let storage = TestPickle.persistent(
            .tuple([.text("storage"), .global("torch.storage", "UntypedStorage"), .text("0"), .text("cpu"), .int(96)]))
        let tensor = TestPickle.call(
            .global("torch._utils", "_rebuild_tensor_v3"),
            [storage, .int(1), .tuple([.int(2)]), .tuple([.int(1)]), .bool(false), .ordered([]), .global("torch", "float32")])
        try openContents(TestArchive(.stateDict([("a", tensor)]), storages: sampleStorages).encoded()) { file in
            let values = try file.floats("a")
            #expect(values == [sampleFloats[1], sampleFloats[2]])
        }
    }

    @Test func acceptsMissingChecksums() throws {
        var archive = TestArchive(sampleStateDict(), storages: sampleStorages)
        archive.withChecksums = false
        try openContents(archive.encoded()) { try checkSample($0) }
    }
}
