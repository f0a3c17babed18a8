import Foundation
import GraphTestSupport
import ONNX
import Tensors
import Testing

@Suite struct ExternalDataTests {
    private func model(_ entries: KeyValuePairs<String, String>, _ dimensions: [Int] = [2]) -> WireMessage {
        Part.model(
            Part.graph(
                [Part.node("Add", ["x", "w"], ["y"])], inputs: [Part.value("x", [2])], outputs: [Part.value("y", nil)],
                initializers: [Part.external("w", dimensions, entries)]))
    }

    private func write(_ values: [Float], to path: String, offset: Int = 0) throws {
        let bytes = [UInt8](repeating: 0, count: offset) + values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    @Test(arguments: [0, 1, 64]) func weightsAreReadFromAnotherFile(offset: Int) throws {
        try withScratchFolder { folder in
            try FileManager.default.createDirectory(atPath: "\(folder)/sub", withIntermediateDirectories: true)
            try write([1, 2], to: "\(folder)/sub/w.bin", offset: offset)
            let imported = try importing(model(["location": "sub/w.bin", "offset": "\(offset)", "length": "8"]), in: folder)
            #expect(try imported.run(["x": Tensor([10, 10] as [Float], shape: [2])])["y"]!.floatArray == [11, 12])
            #expect(imported.parameters.paths.map { $0.split(separator: "/").last } == ["model.onnx", "w.bin"])
        }
    }

    @Test(arguments: ["/etc/hostname", "../w.bin", "sub/../../w.bin", "link.bin", "linked/w.bin", "sub/.."]) func filesOutsideTheFolderAreRefused(
        location: String
    ) throws {
        try withScratchFolder { parent in
            let folder = "\(parent)/model"
            try FileManager.default.createDirectory(atPath: "\(folder)/sub", withIntermediateDirectories: true)
            try write([1, 2], to: "\(parent)/w.bin")
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/link.bin", withDestinationPath: "\(parent)/w.bin")
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/linked", withDestinationPath: parent)
            #expect(complaint(model(["location": location]), in: folder)?.contains("names external data outside the model's folder: '\(location)'") == true)
        }
    }

    @Test func whatIsMissingOrTooShortIsSaid() throws {
        try withScratchFolder { folder in
            try write([1, 2], to: "\(folder)/w.bin")
            func complaint(_ entries: KeyValuePairs<String, String>, _ dimensions: [Int] = [2]) -> String {
                ONNXTests.complaint(model(entries, dimensions), in: folder) ?? ""
            }
            #expect(complaint([:]).contains("has external data without a location"))
            #expect(complaint(["location": "v.bin"]).contains("needs the file 'v.bin' beside the model: No such file"))
            #expect(complaint(["location": "."]).contains("outside the model's folder"))
            #expect(complaint(["location": "w.bin", "offset": "4"]).contains("should be at bytes 4..<12 of 'w.bin', which has 8"))
            #expect(complaint(["location": "w.bin", "offset": "9223372036854775807"]).contains("which has 8"))
            #expect(complaint(["location": "w.bin", "offset": "-4"]).contains("the offset '-4'"))
            #expect(complaint(["location": "w.bin", "length": "4"]).contains("takes 8 bytes, but declares external data of 4"))
            #expect(complaint(["location": "w.bin"], [1 << 20]).contains("which has 8"))
        }
    }

    @Test func aNameOfAFolderIsNoFile() throws {
        try withScratchFolder { folder in
            try FileManager.default.createDirectory(atPath: "\(folder)/sub", withIntermediateDirectories: true)
            #expect(complaint(model(["location": "sub"]), in: folder)?.contains("is a folder") == true)
        }
    }
}
