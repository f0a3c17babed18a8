import Files
import Foundation
import GraphTestSupport
import TensorFiles
import Tensors
import Testing

@Suite struct TensorFileTests {
    /// `numpy.arange(6.0).reshape(2, 3)` in Fortran order.
    private static let fortran = """
        k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg\
        ICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAAhAAAAAAAAA8D8AAAAAAAAQQAAAAAAAAABAAAAAAAAAFEA=
        """
    /// `numpy.array([1, 2], ">i4")`
    private static let bigEndian = """
        k05VTVBZAQB2AHsnZGVzY3InOiAnPmk0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg\
        ICAgICAgICAgICAgICAgICAgICAgIAoAAAABAAAAAg==
        """
    /// `numpy.zeros(1, [("a", "<f4")])`
    private static let records = """
        k05VTVBZAQB2AHsnZGVzY3InOiBbKCdhJywgJzxmNCcpXSwgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAg\
        ICAgICAgICAgICAgICAgICAgICAgIAoAAAAA
        """
    /// `numpy.savez_compressed(f, ones=numpy.ones((4, 100), "f4"), flag=numpy.array([True, False]), scalar=numpy.int64(-5))`
    private static let compressed = """
        UEsDBC0AAAAIAAAAIQBbY4/8//////////8IABQAb25lcy5ucHkBABAAwAYAAAAAAABYAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClO\
        BYoXZyQWpAL5GiY6CoYGBpo6CrUKZAIuBoYG+1E8ikfxKB7Fo5hUDABQSwMELQAAAAgAAAAhAO4Zu13//////////wgAFABmbGFnLm5weQEAEACCAAAAAAAAAEYAAAAAAAAAm+wX6hsQ\
        ychQxlCtnpJanFykbqWgXpNkqK6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjqaOgq1ChQALkYGAFBLAwQtAAAACAAAACEAtb8Zpv//////////CgAUAHNjYWxhci5ucHkB\
        ABAAiAAAAAAAAABGAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TaaGuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5Gpo6CrUKFAGu3/8hAABQSwECLQMtAAAACAAAACEA\
        W2OP/FgAAADABgAACAAAAAAAAAAAAAAAgAEAAAAAb25lcy5ucHlQSwECLQMtAAAACAAAACEA7hm7XUYAAACCAAAACAAAAAAAAAAAAAAAgAGSAAAAZmxhZy5ucHlQSwECLQMtAAAACAAA\
        ACEAtb8ZpkYAAACIAAAACgAAAAAAAAAAAAAAgAESAQAAc2NhbGFyLm5weVBLBQYAAAAAAwADAKQAAACUAQAAAAA=
        """

    private func read(_ bytes: Data, as format: String) throws -> [(name: String, tensor: Tensor)] {
        try withScratchFolder { folder in
            let path = "\(folder)/file.\(format)"
            try bytes.write(to: URL(fileURLWithPath: path))
            return try TensorFile.read(path)
        }
    }

    @Test func readsWhatNumPyWrites() throws {
        let matrix = try read(Data(base64Encoded: Self.fortran)!, as: "npy")
        #expect(matrix.map(\.name) == [""])
        #expect(matrix[0].tensor.type == TensorType(.float64, [2, 3]))
        #expect(matrix[0].tensor.withElements(Array<Double>.init) == [0, 1, 2, 3, 4, 5])

        let arrays = try read(Data(base64Encoded: Self.compressed)!, as: "npz")
        #expect(arrays.map(\.name) == ["flag", "ones", "scalar"])
        #expect(arrays[0].tensor.withBytes(Array.init) == [1, 0])
        #expect(arrays[2].tensor.withElements(Array<Int64>.init) == [-5])
        #expect(arrays[1].tensor.type == TensorType(.float32, [4, 100]))
        #expect(arrays[1].tensor.floatArray.allSatisfy { $0 == 1 })
        #expect(arrays[2].tensor.shape.rank == 0)
    }

    @Test(arguments: ["npy", "npz", "safetensors"]) func readsWhatItWrites(format: String) throws {
        try withScratchFolder { folder in
            var tensors: [(name: String, tensor: Tensor)] = [("x", Tensor([1, -2, .infinity, 4, 5, 6] as [Float], shape: [3, 2]))]
            if format != "npy" {
                tensors += [("empty", Tensor(TensorType(.float16, [0, 3]))), ("number", Tensor([Int32(7)], shape: []))]
            }
            let path = "\(folder)/file.\(format)"
            try TensorFile.write(tensors, to: path)
            let found = try TensorFile.read(path)
            let expected = tensors.sorted { $0.name < $1.name }
            #expect(found.map(\.name) == (format == "npy" ? [""] : expected.map(\.name)))
            for (a, b) in zip(found, expected) {
                #expect(a.tensor.type == b.tensor.type)
                #expect(a.tensor.withBytes(Array.init) == b.tensor.withBytes(Array.init))
            }
        }
    }

    @Test func refusesWhatItCannotHold() throws {
        #expect(throws: InputError.self) { try read(Data(base64Encoded: Self.bigEndian)!, as: "npy") }
        #expect(throws: InputError.self) { try read(Data(base64Encoded: Self.records)!, as: "npy") }
        #expect(throws: InputError.self) { try TensorFile.read("x.txt") }
        try withScratchFolder { folder in
            let half = Tensor(TensorType(.bfloat16, [2]))
            #expect(throws: InputError.self) { try TensorFile.write([("a", half)], to: "\(folder)/a.npy") }
            #expect(throws: InputError.self) { try TensorFile.write([("a", half), ("b", half)], to: "\(folder)/a.npy") }
            let remains = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(remains.isEmpty)
        }
    }

    @Test func refusesAShapeThatTheFileCannotHold() throws {
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }\n"
        let bytes = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, UInt8(text.utf8.count), 0] + Array(text.utf8)
        #expect(throws: InputError.self) { try read(Data(bytes), as: "npy") }
    }

    /// The archive's directory is at byte 0x194; an entry's checksum, sizes and place are at bytes 16, 20, 24 and 42 of its record.
    @Test func whatAnArchiveDeclaresMustBeTrue() throws {
        let whole = Data(base64Encoded: Self.compressed)!
        let records = [0x194, 0x194 + 46 + 8]
        func refuses(_ offset: Int, _ value: UInt32, _ words: String) {
            var bytes = whole
            withUnsafeBytes(of: value.littleEndian) { bytes.replaceSubrange(offset..<offset + 4, with: $0) }
            #expect { try read(bytes, as: "npz") } throws: { "\($0)".contains(words) }
        }
        refuses(records[0] + 16, 0x1234_5678, "is damaged")
        for size: UInt32 in [0x6bf, 0x6c1, 1 << 16] { refuses(records[0] + 24, size, size < 0x6c0 ? "too early" : "is damaged") }
        refuses(records[0] + 24, 0x7fff_ffff, "is damaged")
        // Two entries of the same bytes.
        refuses(records[1] + 42, 0, "entries that overlap")
    }

    @Test func memoryThatIsNotThere() throws {
        #expect(throws: Never.self) { try AvailableMemory.require(1 << 20, for: "a picture") }
        #expect(throws: InputError.self) { try AvailableMemory.require(1 << 60, for: "a picture") }
    }

    @Test(arguments: ["npy", "npz"]) func survivesDamage(format: String) throws {
        let whole = Data(base64Encoded: format == "npy" ? Self.fortran : Self.compressed)!
        for length in 0..<whole.count { #expect(throws: InputError.self) { try read(whole.prefix(length), as: format) } }
        var random = SeededGenerator(state: 11)
        for _ in 0..<500 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) { bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random) }
            do { _ = try read(bytes, as: format) } catch is InputError {}
        }
    }
}

@Suite struct GivenTensorsTests {
    @Test func readsNamesShapesAndFiles() throws {
        try withScratchFolder { folder in
            let (a, b) = (Tensor([1] as [Float], shape: [1]), Tensor([2, 3] as [Float], shape: [2]))
            try TensorFile.write([("", a)], to: "\(folder)/a.npy")
            try TensorFile.write([("b", b), ("c", a)], to: "\(folder)/b.npz")
            let given = try GivenTensors(["x=\(folder)/a.npy", "\(folder)/b.npz", "s=1x4x64", "scalars=7"])
            #expect(given.tensors.mapValues(\.shape) == ["x": [1], "b": [2], "c": [1]])
            #expect(given.shapes == ["s": [1, 4, 64], "scalars": [7]])
            #expect(try GivenTensors(["c=\(folder)/b.npz"]).tensors["c"]?.shape == [1])
        }
    }

    @Test func refusesWhatIsAmbiguous() throws {
        try withScratchFolder { folder in
            let a = Tensor([1] as [Float], shape: [1])
            try TensorFile.write([("", a)], to: "\(folder)/a.npy")
            try TensorFile.write([("b", a), ("c", a)], to: "\(folder)/b.npz")
            for arguments in [["\(folder)/a.npy"], ["x=\(folder)/b.npz"], ["x=1", "x=2"], ["x=99999999999x99999999999"], ["x=\(folder)/none.npy"]] {
                #expect(throws: InputError.self) { try GivenTensors(arguments) }
            }
        }
    }
}

@Suite struct TensorComparisonTests {
    @Test func measuresNormsAndLargestDifference() throws {
        let comparison = try TensorComparison(Tensor([3, 4.5] as [Float], shape: [2]), expected: Tensor([3, 4] as [Float], shape: [2]))
        #expect(comparison.relativeError == 0.1 && comparison.largestError == 0.5)
        #expect(throws: InputError.self) { try TensorComparison(Tensor([3] as [Float], shape: [1]), expected: Tensor([3] as [Float], shape: [])) }
    }

    @Test func numbersThatAreNotFiniteMustBeTheSame() throws {
        let special: [Float] = [.nan, .infinity, 1]
        #expect(try TensorComparison(Tensor(special, shape: [3]), expected: Tensor(special, shape: [3])).relativeError == 0)
        for wrong in [[Float.nan, -.infinity, 1], [1, .infinity, 1], [.nan, .infinity, .nan]] {
            #expect(try TensorComparison(Tensor(wrong as [Float], shape: [3]), expected: Tensor(special, shape: [3])).relativeError == .infinity)
        }
    }
}
