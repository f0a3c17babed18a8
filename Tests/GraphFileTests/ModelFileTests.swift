import Checkpoints
import Files
import Foundation
import GraphFile
import GraphTestSupport
import TensorFiles
import Tensors
import Testing

@Suite struct ModelFileTests {
    private let keys: [(key: String, shape: Shape)] = [
        ("unet.conv.weight", [8, 4, 3, 3]), ("unet.conv.bias", [8]), ("clip.model.logit_scale", []), ("vae.norm.weight", [5]), ("unet.empty", [0, 2]),
        ("controlnet.linear.weight", [3, 7]),
    ]
    private let contents = ModelFileContents(
        graphs: ["unet": "%a = add(%b, %c)\n\"quoted\"", "lkpn": ""],
        family: ModelFamily(name: "sample", configuration: "{\"width\":4}", texts: ["merges": "a b\nü\n"]))

    private func convert(
        _ folder: String, as elementType: ElementType = .float32, tensors: [(String, Tensor)]? = nil, constants: [(name: String, tensor: Tensor)] = []
    ) throws -> String {
        let source = "\(folder)/source.safetensors"
        let model = "\(folder)/model.ddiff.safetensors"
        try writeSafetensors(path: source, tensors: tensors ?? keys.map { ($0.key, seededTensor(key: $0.key, shape: $0.shape, seed: 1)) })
        let checkpoint = try openCheckpoint(source)
        try ModelFile.write(
            contents, to: model, parameters: checkpoint.names, from: checkpoint, elementType: elementType, constants: constants,
            converter: "deblurdiff test")
        return model
    }

    @Test func roundTrip() throws {
        try withScratchFolder { folder in
            let constant = Tensor([1, 2, 3] as [Int32], shape: [3])
            let path = try convert(folder, constants: [("constant.0", constant)])
            let model = try ModelFile(path: path)
            #expect(model.graphs == contents.graphs)
            #expect(model.family == contents.family)
            #expect(model.tensorNames == keys.map(\.key) + ["constant.0"])
            for (key, shape) in keys {
                let tensor = try model.tensor(key)
                #expect(tensor.type == TensorType(.float32, shape))
                #expect(tensor.floatArray == seededTensor(key: key, shape: shape, seed: 1).floatArray)
                #expect(tensor.withBytes { Int(bitPattern: $0.baseAddress) % 64 == 0 } || tensor.type.byteCount == 0)
            }
            #expect(try model.tensor("constant.0").withBytes(Array.init) == constant.withBytes(Array.init))
            #expect(model.verify().isEmpty)
            let source = try read("\(folder)/source.safetensors")
            let digest = source.withUnsafeBytes { SHA256.hexDigest(of: $0) }
            #expect(
                model.provenance
                    == Provenance(converter: "deblurdiff test", sources: [.init(name: "source.safetensors", size: source.count, sha256: digest)]))
            #expect(try Set(FileManager.default.contentsOfDirectory(atPath: folder)) == ["source.safetensors", "model.ddiff.safetensors"])
        }
    }

    @Test func convertingAgainGivesTheSameBytes() throws {
        try withScratchFolder { folder in
            let first = try read(try convert(folder))
            #expect(try read(try convert(folder)) == first)
        }
    }

    @Test(arguments: [ElementType.float16, .bfloat16])
    func convertsMatricesAndKeepsVectors(elementType: ElementType) throws {
        try withScratchFolder { folder in
            let model = try ModelFile(path: try convert(folder, as: elementType))
            for (key, shape) in keys {
                #expect(model.type(of: key)?.elementType == (shape.rank >= 2 ? elementType : .float32))
            }
            let expected = seededTensor(key: "unet.conv.weight", shape: [8, 4, 3, 3], seed: 1).floatArray
            let found = try openCheckpoint(model.path).floats("unet.conv.weight")
            let step: Float = elementType == .float16 ? 0x1p-11 : 0x1p-8
            #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= step * abs($1) })
            #expect(model.verify().isEmpty)
        }
    }

    @Test func convertsFromEveryFloatingPointType() throws {
        try withScratchFolder { folder in
            var tensors: [(String, Tensor)] = []
            for type in [ElementType.float16, .bfloat16, .float64, .float32] {
                var tensor = Tensor(TensorType(type, [1, 3]))
                [Float(1), -2.5, 0].withUnsafeBufferPointer { floats in
                    tensor.withMutableBytes { ElementConversion.convertFromFloat32(floats, to: type, into: $0) }
                }
                tensors.append((type.rawValue, tensor))
            }
            tensors.append(("integers", Tensor([3, 4] as [Int32], shape: [1, 2])))
            for elementType in [ElementType.float32, .float16, .bfloat16] {
                let path = try convert(folder, as: elementType, tensors: tensors)
                let converted = try openCheckpoint(path)
                for name in ["f16", "bf16", "f64", "f32"] { #expect(try converted.floats(name) == [1, -2.5, 0]) }
                #expect(converted.type(of: "integers") == TensorType(.int32, [1, 2]))
            }
        }
    }

    @Test func refusesWhatIsNotFinite() throws {
        try withScratchFolder { folder in
            func refuse(_ values: [Float], _ elementType: ElementType, _ words: String) {
                let error = #expect(throws: InputError.self) {
                    try convert(folder, as: elementType, tensors: [("unet.w", Tensor(values, shape: [1, values.count]))])
                }
                #expect(error?.description.contains("unet.w: \(words)") == true, "\(error?.description ?? "")")
            }
            refuse([1, .nan, .infinity], .float32, "2 of 3 values are not finite")
            refuse([1, .nan, -.infinity], .float16, "2 of 3 values are not finite")
            refuse([1, 70000], .float16, "1 of 2 values are too large for f16")
            refuse([1, .greatestFiniteMagnitude], .bfloat16, "1 of 2 values are too large for bf16")
            let left = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(left == ["source.safetensors"])
        }
    }

    @Test func refusesMissingTensorsAndUnwritablePlaces() throws {
        try withScratchFolder { folder in
            let path = try convert(folder)
            let checkpoint = try openCheckpoint(path)
            func write(_ parameters: [String], to path: String) throws {
                try ModelFile.write(contents, to: path, parameters: parameters, from: checkpoint, converter: "x")
            }
            #expect(throws: InputError.self) { try write(["absent"], to: "\(folder)/b") }
            #expect(throws: InputError.self) { try write([], to: "\(folder)/no/such/folder/b") }
            #expect(throws: InputError.self) { try write([], to: folder) }
            #expect(throws: InputError.self) { try write([], to: "/proc/model.safetensors") }
            try write([], to: "\(folder)/none.safetensors")
            #expect(try ModelFile(path: "\(folder)/none.safetensors").tensorNames.isEmpty)
        }
    }

    @Test func reportsProgress() throws {
        try withScratchFolder { folder in
            let path = try convert(folder)
            let model = try ModelFile(path: path)
            var last = (0, 0)
            _ = model.verify { last = ($0, $1) }
            #expect(last == (model.tensorByteCount, model.tensorByteCount))
            var steps: [Int] = []
            let checkpoint = try openCheckpoint(path)
            try ModelFile.write(
                contents, to: "\(folder)/b", parameters: checkpoint.names, from: checkpoint, converter: "x",
                progress: { done, _ in steps.append(done) })
            #expect(steps == steps.sorted() && steps.last == model.tensorByteCount)
        }
    }

    @Test func verifyNamesDamagedTensors() throws {
        try withScratchFolder { folder in
            let path = try convert(folder)
            let sound = try read(path)
            let model = try ModelFile(path: path)
            for (index, name) in model.tensorNames.enumerated() where model.type(of: name)!.byteCount > 0 {
                let tensor = try model.tensor(name)
                let start = tensor.withBytes { place in model.file.withBytes { place.baseAddress! - $0.baseAddress! } }
                var damaged = sound
                damaged[start + index % 4] ^= 0x10
                let copy = "\(folder)/damaged.safetensors"
                try write(damaged, to: copy)
                #expect(try ModelFile(path: copy).verify().map(\.location) == [name])
            }
        }
    }

    @Test func damagedMetadataAreNoticed() throws {
        try withScratchFolder { folder in
            let path = try convert(folder)
            let sound = try read(path)
            let headerEnd = 8 + Int(sound.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
            let copy = "\(folder)/damaged.safetensors"
            var generator = SeededGenerator(state: 5)
            for _ in 0..<500 {
                let position = Int.random(in: 8..<headerEnd, using: &generator)
                var damaged = sound
                damaged[position] ^= 1
                try write(damaged, to: copy)
                // Only a change in the numbering of the padding, or of one kind of space to another, is of no consequence.
                if let model = try? ModelFile(path: copy), model.verify().isEmpty {
                    #expect(model.graphs == contents.graphs && model.tensorNames == keys.map(\.key))
                    #expect(model.family == contents.family)
                }
            }
            for length in stride(from: 0, to: sound.count, by: 7) {
                try write(Array(sound.prefix(length)), to: copy)
                #expect(throws: InputError.self) { try ModelFile(path: copy) }
            }
        }
    }

    /// A header that is a byte longer or shorter is as valid, but all tensors lie elsewhere.
    @Test func dataInTheWrongPlaceAreRefused() throws {
        try withScratchFolder { folder in
            let path = try convert(folder)
            let sound = try read(path)
            let length = sound.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
            let (header, data) = (sound[8..<8 + Int(length)], sound[(8 + Int(length))...])
            for (count, file) in [(length + 1, header + [0x20] + data), (length + 64, header + [UInt8](repeating: 0x20, count: 64) + data)] {
                try write(littleEndian(count) + file, to: path)
                if count == length + 64 {
                    #expect(try ModelFile(path: path).verify().isEmpty)
                } else {
                    let error = #expect(throws: InputError.self) { try ModelFile(path: path) }
                    #expect(error?.description.contains("not at a multiple of 64") == true)
                }
            }
        }
    }

    @Test func tellsWhatWasGivenInstead() throws {
        try withScratchFolder { folder in
            func refuse(_ path: String, _ words: String) {
                let error = #expect(throws: InputError.self) { try ModelFile(path: path) }
                #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
            }
            _ = try convert(folder)
            refuse("\(folder)/source.safetensors", "Convert it first: deblurdiff convert source.safetensors")
            try write(Array("hello".utf8), to: "\(folder)/a.txt")
            refuse("\(folder)/a.txt", "is a text file")
            refuse("\(folder)/absent", "cannot open the file")
            refuse(folder, "is a folder")
            try writeSafetensors(path: "\(folder)/new", tensors: [], metadata: ["deblurdiff.format_version": "\(ModelFile.formatVersion + 1)"])
            refuse("\(folder)/new", "Update deblurdiff")
            try writeSafetensors(path: "\(folder)/odd", tensors: [], metadata: ["deblurdiff.format_version": "x"])
            refuse("\(folder)/odd", "is no version")
        }
    }

    @Test func seededTensorsAreTheKnownOnes() throws {
        // Digests of the tensors that the oracle's script makes.
        for (key, shape, digest) in knownSeededTensors {
            let tensor = seededTensor(key: key, shape: shape, seed: 1)
            #expect(tensor.withBytes(SHA256.hexDigest(of:)) == digest)
        }
        let keys = try readCheckpointKeys(repositoryFile("Tests/Fixtures/tiny_keys.json"))
        #expect(keys.count == 1976)
        try withScratchFolder { folder in
            try writeSeededCheckpoint(keys: Array(keys.suffix(5)), seed: 2, to: "\(folder)/a")
            let file = try openCheckpoint("\(folder)/a")
            #expect(file.names == keys.suffix(5).map(\.key))
        }
    }
}

private let knownSeededTensors: [(String, Shape, String)] = [
    ("unet.time_embed.0.weight", [128, 32], "49bbd3df504a5dd3d3c6b2f2750f102e2ea0042863f153cb946b4779fafbc31c"),
    ("unet.time_embed.0.bias", [128], "e69cf69e46014ab1985a0ea22b3a1093e7e80879349d7bd5ef05f9d057f7846a"),
    ("vae.encoder.norm_out.weight", [64], "eaf410df47b08030253b9e1fec83e83d942b224522b926f4dbb88e53f26708f1"),
    ("kpn.unet.input_blocks.0.0.weight", [32, 8, 3, 3], "36841b633e8ba4b9da3b1442522d9639ff10de10e99ef1e5d458c34cccc01a98"),
]
