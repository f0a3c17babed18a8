import Foundation
import GraphTestSupport
import Tensors
import Testing

@Suite struct ExportTests {
    @Test func writesAGraphThatExecutesAlike() throws {
        try withScratchFolder { folder in
            let place = ["--graph", "eac", "--size", "64x64"]
            let execute = ["--random-seed", "3", "--save-inputs", "inputs.npz", "--output", "outputs.npz", "--quiet"]
            let first = try Command.run(["execute", SharedFiles.model] + place + execute, in: folder)
            #expect(first.status == 0, "\(first)")
            for form in [[], ["--inline"], ["--stage", "optimized", "--external-data"]] {
                let outcome = try Command.run(["export", SharedFiles.model, "-o", "eac.onnx"] + place + form, in: folder)
                #expect(outcome.status == 0 && outcome.errors.contains("Wrote eac.onnx"), "\(outcome)")
                let again = try Command.run(["execute", "eac.onnx", "--input", "inputs.npz", "--compare", "outputs.npz"], in: folder)
                #expect(again.status == 0, "\(again)")
            }
        }
    }

    @Test func refusesWhatItReads() throws {
        try withScratchFolder { folder in
            let model = "\(folder)/model.safetensors"
            try FileManager.default.copyItem(atPath: SharedFiles.model, toPath: model)
            try Command.expectFailure(["export", model, "--graph", "eac", "-o", model], in: folder, says: ["it is also read"])
            try Command.expectFailure(["export", model, "--graph", "nothing", "-o", "x.onnx"], in: folder, says: ["there is no graph 'nothing'"])
            try Command.expectFailure(["export", model, "-o", "x.onnx"], in: folder, says: ["name one with --graph"])
            try Command.expectFailure(["export", model, "--graph", "eac", "-o", "nowhere/x.onnx"], in: folder, says: ["does not exist"])
        }
    }
}
