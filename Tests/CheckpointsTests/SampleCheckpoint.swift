import Checkpoints
import Files
import Foundation
import GraphTestSupport
import Tensors
import Testing

let sampleFloats: [Float] = (0..<24).map { Float($0) - 7.5 }
let sampleHalves: [Float16] = [1, -2, 0.5, 65504, 0]
let sampleStorages = [(key: "0", bytes: bytes(sampleFloats)), (key: "1", bytes: bytes(sampleHalves)), (key: "2", bytes: bytes([Int64(5), -6]))]

/// A state dict with every kind of view.
func sampleStateDict(legacy: Bool = false) -> TestPickle {
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

func checkSample(_ source: some CheckpointSource, prefix: String = "") throws {
    #expect(source.names == ["whole", "transposed", "window", "repeated", "scalar", "empty", "column", "half", "long"].map { prefix + $0 })
    func values(_ name: String) throws -> [Float] { try source.floats(prefix + name) }
    #expect(source.type(of: prefix + "whole") == TensorType(.float32, [2, 3, 4]))
    #expect(try values("whole") == sampleFloats)
    #expect(try values("transposed") == (0..<24).map { sampleFloats[$0 / 6 + $0 % 6 * 4] })
    #expect(try values("window") == [sampleFloats[5], sampleFloats[6], sampleFloats[9], sampleFloats[10]])
    #expect(try values("repeated") == [Float](repeating: sampleFloats[23], count: 6))
    #expect(source.type(of: prefix + "scalar")?.shape == [])
    #expect(try values("scalar") == [sampleFloats[3]])
    #expect(source.type(of: prefix + "empty")?.shape == [0, 4])
    #expect(try values("empty") == [])
    #expect(try values("column") == Array(sampleFloats[2..<7]))
    #expect(source.type(of: prefix + "half")?.elementType == .float16)
    #expect(try values("half") == sampleHalves.map(Float.init))
    #expect(try values("long") == [5, -6])
    #expect(try source.tensor(prefix + "window").floatArray == [sampleFloats[5], sampleFloats[6], sampleFloats[9], sampleFloats[10]])
    #expect(throws: InputError.self) { try values("absent") }
}

func openContents(_ contents: [UInt8], _ body: (CheckpointFile) throws -> Void = { _ in }) throws {
    try withScratchFolder { folder in
        try write(contents, to: "\(folder)/file")
        try body(try openCheckpoint("\(folder)/file"))
    }
}

/// Opens a file that must be refused, with the right words and its path.
func expectRefusal(_ contents: [UInt8], _ words: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let error = #expect(throws: InputError.self, sourceLocation: sourceLocation) { try openContents(contents) }
    let text = error?.description ?? ""
    #expect(words.isEmpty || text.contains(words), "\(text)", sourceLocation: sourceLocation)
    #expect(error?.location?.hasSuffix("/file") == true, sourceLocation: sourceLocation)
}

/// The sample in the older form of `torch.save`.
func sampleLegacyFile(version: UInt8 = 2) -> [UInt8] {
    let counts = [24, 5, 2]
    return legacyTorchFile(
        sampleStateDict(legacy: true), version: version,
        storages: zip(sampleStorages, counts).map { ($0.key, $1, $0.bytes) }.reversed())
}
