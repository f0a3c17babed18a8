import Foundation
import GraphTestSupport
import TensorFiles
import Tensors
import Testing

@Suite struct ExecuteTests {
    private func execute(_ arguments: [String], in folder: String) throws -> Command.Outcome {
        try Command.run(["execute", SharedFiles.model, "--graph", "eac"] + arguments, in: folder)
    }

    private func expectFailure(_ arguments: [String], in folder: String, says words: String..., sourceLocation: SourceLocation = #_sourceLocation) throws {
        try Command.expectFailure(
            ["execute", SharedFiles.model, "--graph", "eac"] + arguments, in: folder, says: words, sourceLocation: sourceLocation)
    }

    /// A kernel with a single 1 in the middle doubles the image, since EAC adds it.
    private func writeInputs(_ folder: String) throws -> Tensor {
        let image = Tensor((0..<4 * 64).map { Float($0 % 37) - 18 }, shape: [1, 4, 8, 8])
        var kernel = [Float](repeating: 0, count: 100 * 64)
        for channel in 0..<4 { for pixel in 0..<64 { kernel[(channel * 25 + 12) * 64 + pixel] = 1 } }
        try TensorFile.write([("", image)], to: folder + "/c_img.npy")
        try TensorFile.write([("kernel", Tensor(kernel, shape: [1, 100, 8, 8]))], to: folder + "/rest.npz")
        let expected = Tensor(image.floatArray.map { 2 * $0 }, shape: image.shape)
        try TensorFile.write([("eac", expected)], to: folder + "/expected.safetensors")
        return expected
    }

    @Test(arguments: ["-O0", "-O1"]) func runsAGraphOnTensorsFromFiles(level: String) throws {
        try withScratchFolder { folder in
            let expected = try writeInputs(folder)
            let outcome = try execute(
                [
                    level, "--input", "c_img=c_img.npy", "--input", "rest.npz", "--output", "eac=y.npy", "--output", "all.npz", "--compare",
                    "expected.safetensors",
                ],
                in: folder)
            #expect(outcome.status == 0, "\(outcome)")
            #expect(outcome.output.contains("eac : f32[1, 4, 8, 8]"))
            #expect(outcome.output.contains("relative error 0.00e+00"))
            for path in ["y.npy", "all.npz"] {
                let found = try TensorFile.read("\(folder)/\(path)")
                #expect(found.count == 1 && found[0].tensor.floatArray == expected.floatArray, "\(path)")
            }
        }
    }

    @Test func fillsInputsAtRandomAndSavesThem() throws {
        try withScratchFolder { folder in
            let sizes = ["--input", "c_img=1x4x8x8", "--input", "kernel=1x100x8x8"]
            #expect(try execute(sizes + ["--random-seed", "3", "--save-inputs", "in.npz", "--output", "a.npy"], in: folder).status == 0)
            let again = try execute(["--input", "in.npz", "--output", "b.npy", "--quiet"], in: folder)
            #expect(again.status == 0 && again.output.isEmpty && again.errors.isEmpty, "\(again)")
            #expect(try SharedFiles.read(folder + "/a.npy") == SharedFiles.read(folder + "/b.npy"))
        }
    }

    @Test func aDifferenceIsAnError() throws {
        try withScratchFolder { folder in
            var expected = try writeInputs(folder)
            expected.withMutableFloats { $0[7] += 1 }
            try TensorFile.write([("eac", expected)], to: folder + "/expected.safetensors")
            let given = ["--input", "c_img=c_img.npy", "--input", "rest.npz", "--compare", "expected.safetensors"]
            try expectFailure(given, in: folder, says: "the relative error is more than 0.0001: eac: ")
            #expect(try execute(given + ["--tolerance", "0.1"], in: folder).status == 0)
        }
    }

    @Test func mistakesAreExplained() throws {
        try withScratchFolder { folder in
            _ = try writeInputs(folder)
            try expectFailure(["--input", "c_img=1x4x64x64"], in: folder, says: "not given: c_img : f32[1, 4, 64, 64], kernel : ", "--random-seed")
            try expectFailure(["--input", "rest.npz"], in: folder, says: "do not broadcast")
            try expectFailure(["--input", "c_img.npy"], in: folder, says: "c_img.npy", "NAME=c_img.npy")
            try expectFailure(["--input", "image=c_img.npy", "--random-seed", "1"], in: folder, says: "no input 'image'", "c_img : ", "kernel : ")
            try expectFailure(["--random-seed", "1", "--output", "eacs=y.npy"], in: folder, says: "no output 'eacs'", "eac")
            try expectFailure(["--random-seed", "1", "--output", "y.txt"], in: folder, says: "y.txt", ".npy, .npz or .safetensors")
            try expectFailure(["--random-seed", "1", "--compare", "rest.npz"], in: folder, says: "none of the outputs: eac")
            try Command.expectFailure(["execute", SharedFiles.model, "--random-seed", "1"], in: folder, says: ["several graphs", "--graph", "step"])
            try Command.expectFailure(["execute", "rest.npz", "--random-seed", "1"], in: folder, says: ["rest.npz"])
        }
    }
}
