import Files
import Foundation
import GraphTestSupport
import TensorFiles
import Tensors
import Testing

@Suite struct SafetensorsTests {
    private func write(_ header: String, data: Int = 0, to path: String) throws {
        var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
        bytes += Array(header.utf8) + [UInt8](repeating: 7, count: data)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    private let sample: [(String, Tensor)] = [
        ("matrix", Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])),
        ("scalar", Tensor([2.5], shape: [])),
        ("nothing", Tensor(TensorType(.float16, [0, 3]))),
        ("bytes", Tensor(TensorType(.uint8, [5]))),
        ("integers", Tensor([Int32(-1), 7], shape: [2])),
        ("long", Tensor(TensorType(.float64, [17]))),
        ("flags", Tensor(TensorType(.bool, [3]))),
        ("nothing at the end", Tensor(TensorType(.float32, [0]))),
    ]

    @Test func writesWhatItReads() throws {
        try withScratchFolder { folder in
            let path = "\(folder)/a.safetensors"
            let metadata = ["text": "line\nquote\" back\\slash\ttab \u{1} ü 😀", "": "empty key", "key\n": ""]
            try writeSafetensors(path: path, tensors: sample, metadata: metadata)
            let file = try SafetensorsFile(path: path)
            #expect(file.metadata == metadata)
            #expect(file.tensorNames == sample.map(\.0))
            #expect(file.dataOffset % 64 == 0)
            for (name, tensor) in sample {
                let entry = try #require(file.entry(name))
                #expect(entry.type == tensor.type)
                #expect(entry.byteRange.lowerBound % 64 == 0 || entry.byteRange.isEmpty)
                #expect(try file.tensor(name).withBytes(Array.init) == tensor.withBytes(Array.init), "\(name)")
            }
            #expect(throws: InputError.self) { try file.tensor("absent") }
        }
    }

    @Test func mapsInsteadOfCopying() throws {
        try withScratchFolder { folder in
            let path = "\(folder)/a.safetensors"
            try writeSafetensors(path: path, tensors: sample)
            let file = try SafetensorsFile(path: path)
            var tensor = try file.tensor("matrix")
            let start = tensor.withBytes { $0.baseAddress! }
            #expect(file.file.withBytes { start >= $0.baseAddress! && start < $0.baseAddress! + $0.count })
            // Written to, it leaves the file as it is.
            let before = tensor.floatArray
            tensor.withMutableFloats { $0[0] = 77 }
            #expect(try tensor.floatArray[0] == 77 && file.tensor("matrix").floatArray == before)
        }
    }

    @Test func copiesWhatIsNotAligned() throws {
        try withScratchFolder { folder in
            let path = "\(folder)/a.safetensors"
            let header = #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}"#
            try write(header, data: 5, to: path)
            let tensor = try SafetensorsFile(path: path).tensor("b")
            #expect(tensor.withBytes { Int(bitPattern: $0.baseAddress!) % 4 == 0 })
            #expect(tensor.floatArray[0].bitPattern == 0x0707_0707)
        }
    }

    @Test func replacesMetadataAfterTheData() throws {
        try withScratchFolder { folder in
            let path = "\(folder)/a.safetensors"
            let writer = try SafetensorsWriter(path: path, entries: [("x", TensorType(.uint8, [3]))], metadata: ["a": "1\n2", "sum": "000\""])
            try [UInt8](arrayLiteral: 1, 2, 3).withUnsafeBytes { try writer.write($0) }
            try writer.replaceMetadata("sum", with: "\"abc")
            try writer.finish()
            let file = try SafetensorsFile(path: path)
            #expect(file.metadata == ["a": "1\n2", "sum": "\"abc"])
            #expect(try file.tensor("x").withBytes(Array.init) == [1, 2, 3])
        }
    }

    @Test func leavesNothingBehindWhenAbandoned() throws {
        try withScratchFolder { folder in
            _ = try SafetensorsWriter(path: "\(folder)/a.safetensors", entries: [("x", TensorType(.uint8, [3]))])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test func acceptsHolesAndForeignOrder() throws {
        try withScratchFolder { folder in
            let path = "\(folder)/a.safetensors"
            try write(
                #" { "z" : {"dtype":"U8","shape":[2],"data_offsets":[8,10]} , "a":{"shape":[1, 2],"data_offsets":[0,2],"dtype":"U8"}} "#, data: 12,
                to: path)
            #expect(try SafetensorsFile(path: path).tensorNames == ["a", "z"])
        }
    }

    @Test(arguments: [
        ("", "too short"),
        ("{", "ends too early"),
        ("[]", "'{' is missing"),
        ("{} x", "behind the last brace"),
        (#"{"a"}"#, "':' is missing"),
        (#"{"a":1}"#, "'{' is missing"),
        (#"{"a":{"dtype":"F32","shape":[1]}}"#, "needs dtype, shape and two data_offsets"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, "needs dtype, shape and two data_offsets"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}"#, "unknown field 'x'"),
        (#"{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}"#, "'F8_E4M3', which is not supported"),
        (#"{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}"#, "not supported"),
        (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "whole number is missing"),
        (#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, "']' is missing"),
        (#"{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}"#, "leading zero"),
        (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,4]}}"#, "does not fit its byte range"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, "does not fit its byte range"),
        (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, "cut short"),
        (#"{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}"#, "cut short"),
        (#"{"a":{"dtype":"F32","shape":[9223372036854775807,2],"data_offsets":[0,4]}}"#, "impossible shape"),
        (#"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}"#, "does not fit its byte range"),
        (#"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}"#, "too large"),
        (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}}"#, "overlap"),
        (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, "comes twice"),
        (#"{"__metadata__":{"a":"1","a":"2"}}"#, "comes twice"),
        (#"{"__metadata__":{"a":1}}"#, "'\"' is missing"),
        (#"{"\ud800":{}}"#, "surrogate"),
        (#"{"\q":{}}"#, "unknown escape"),
        ("{\"a\nb\":{}}", "control character"),
    ])
    func refuses(header: String, message: String) throws {
        try withScratchFolder { folder in
            let path = "\(folder)/a.safetensors"
            try write(header, data: header.isEmpty ? 0 : 8, to: path)
            let error = #expect(throws: InputError.self) { try SafetensorsFile(path: path) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
            #expect(error?.location?.hasPrefix(path) == true)
        }
    }

    @Test func refusesHeaderOfTerabytes() throws {
        try withScratchFolder { folder in
            let path = "\(folder)/a.safetensors"
            for length in [UInt64(1) << 42, UInt64.max, 99_000_000] {
                try Data(withUnsafeBytes(of: length.littleEndian) { Array($0) } + Array("{}".utf8)).write(to: URL(fileURLWithPath: path))
                #expect(throws: InputError.self) { try SafetensorsFile(path: path) }
            }
        }
    }

    @Test func deepNestingIsNoStackOverflow() throws {
        try withScratchFolder { folder in
            let path = "\(folder)/a.safetensors"
            try write(#"{"a":{"shape":"# + String(repeating: "[", count: 1_000_000), to: path)
            #expect(throws: InputError.self) { try SafetensorsFile(path: path) }
        }
    }

    @Test func everyTruncationIsAnError() throws {
        try withScratchFolder { folder in
            let path = "\(folder)/a.safetensors"
            try writeSafetensors(path: path, tensors: sample, metadata: ["k": "v"])
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            for length in (0..<bytes.count).reversed() {
                truncate(path, off_t(length))
                #expect(throws: InputError.self, "length \(length)") { try SafetensorsFile(path: path) }
            }
        }
    }

    @Test func mutationsNeverCrash() throws {
        try withScratchFolder { folder in
            let path = "\(folder)/a.safetensors"
            try writeSafetensors(path: path, tensors: sample, metadata: ["k": "v\n"])
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            let headerEnd = try SafetensorsFile(path: path).dataOffset
            var generator = SeededGenerator(state: 1)
            for _ in 0..<1500 {
                var mutated = bytes
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    mutated[Int.random(in: 0..<headerEnd, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
                }
                try Data(mutated).write(to: URL(fileURLWithPath: path))
                guard let file = try? SafetensorsFile(path: path) else { continue }
                for name in file.tensorNames { _ = try file.tensor(name).withBytes { $0.reduce(0) { $0 &+ Int($1) } } }
            }
        }
    }

    /// Time that grew with the square of the length would be hours.
    @Test(.timeLimit(.minutes(1))) func readsLongHeaders() throws {
        try withScratchFolder { folder in
            let path = "\(folder)/a.safetensors"
            let text = String(repeating: "%h = conv2d(%x, @\"a\") : f32[1, 2]\n", count: 300_000)
            let tensors = (0..<5000).map { ("network.block.\($0).weight", Tensor([Float($0)], shape: [1])) }
            try writeSafetensors(path: path, tensors: tensors, metadata: ["graph": text])
            #expect(try SafetensorsFile(path: path).metadata["graph"] == text)
        }
    }

    @Test(.enabled(if: pythonHasSafetensors)) func pythonOpensIt() throws {
        try withScratchFolder { folder in
            let path = "\(folder)/a.safetensors"
            try writeSafetensors(path: path, tensors: sample, metadata: ["key": "ü\n\"x\""])
            let script = """
                from safetensors import safe_open
                from safetensors.numpy import load_file
                f = safe_open('\(path)', 'np')
                assert f.metadata() == {'key': 'ü\\n"x"'}, f.metadata()
                t = load_file('\(path)')
                assert t['matrix'].tolist() == [[1, 2, 3], [4, 5, 6]] and t['scalar'] == 2.5 and t['nothing'].shape == (0, 3)
                assert t['integers'].tolist() == [-1, 7] and t['flags'].dtype == bool
                """
            #expect(runPython(script))
        }
    }
}

let pythonHasSafetensors = runPython("import safetensors, numpy")

func runPython(_ script: String) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
}
