import Checkpoints
import DeblurDiff
import Foundation
import GraphFile
import GraphIR
import GraphPasses
import GraphRuntime
import GraphTestSupport
import TensorFiles
import Tensors
import Testing

/// Every output of `execute`, by name, type and values, in every format: against the graph run here.
@Suite struct OutputTests {
    private func outputs(_ path: String) throws -> [String: Tensor] {
        Dictionary(uniqueKeysWithValues: try TensorFile.read(path).map { ($0.name, $0.tensor) })
    }

    @Test(arguments: DeblurDiffModel.stageNames(), ["-O0", "-O1"]) func everyGraphInEveryFormat(_ name: String, _ level: String) throws {
        try withScratchFolder { folder in
            let model = try SharedFiles.model
            let place = ["execute", model, "--graph", name, "--size", "64x48", level, "--quiet"]
            let first = try Command.run(
                place + ["--random-seed", "1", "--save-inputs", "in.npz", "--output", "a.npz", "--output", "b.safetensors"], in: folder)
            #expect(first.status == 0, "\(first)")

            var optimization = OptimizationOptions()
            optimization.level = level == "-O0" ? .o0 : .o1
            let opened = try DeblurDiffModel(path: model, options: RuntimeOptions(pool: ThreadPool(threadCount: 1)), optimization: optimization)
            let graph = try opened.stages(of: name, height: 48, width: 64).imported
            var inputs = try outputs(folder + "/in.npz")
            for id in graph.inputs { inputs[graph[id].name] = inputs[graph[id].name]?.converted(to: graph.type(id).layout) }
            let expected = try opened.program(graph).run(inputs, in: Workspace())
            let (npz, safetensors) = (try outputs(folder + "/a.npz"), try outputs(folder + "/b.safetensors"))
            #expect(Set(npz.keys) == Set(graph.outputs.map(\.name)))
            for complaints in [OutputComparison.complaints(npz, expected), OutputComparison.complaints(safetensors, expected)] {
                #expect(complaints.isEmpty, "\(complaints)")
            }

            guard let output = graph.outputs.first?.name else { return }
            let again = try Command.run(
                place + ["--input", "in.npz", "--compare", "b.safetensors", "--tolerance", "0", "--output", "\(output)=one.npy"], in: folder)
            #expect(again.status == 0, "\(again)")
            let isSame = try TensorFile.read(folder + "/one.npy")[0].tensor.floatArray == npz[output]?.floatArray
            #expect(isSame, "\(output)")
        }
    }

    private final class NoTensors: CheckpointSource {
        let paths: [String] = []
        let names: [String] = []
        func type(of name: String) -> TensorType? { nil }
        func forEachPiece(of name: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {}
    }

    private func write(_ text: String, to path: String) throws {
        try ModelFile.write(ModelFileContents(graphs: ["g": text]), to: path, parameters: [], from: NoTensors(), converter: "tests")
    }

    /// Files of some hundred bytes that ask for more memory than there is.
    @Test func sizesBeyondTheMachineAreRefused() throws {
        try withScratchFolder { folder in
            let cells = 1 << 40
            for (input, line) in [
                ("f32[\(cells >> 20), \(1 << 20)]", "%y = silu(%x) : f32[\(cells >> 20), \(1 << 20)]"),
                ("f32[1]", "%y = expand(%x) {shape = [1048576, 1048576]} : f32[1048576, 1048576]"),
                ("f32[64]", "%y = timestep_embedding(%x) {dimension = 2147483647, max_period = 10000.0} : f32[64, 2147483647]"),
            ] {
                try write("graph g {\n  input %x : \(input)\n  \(line)\n  output y = %y\n}\n", to: folder + "/m.ddiff.safetensors")
                for command in [
                    ["execute", "--random-seed", "1", "m.ddiff.safetensors"], ["export", "m.ddiff.safetensors", "-o", "m.onnx"],
                    ["profile", "m.ddiff.safetensors"],
                ] {
                    try Command.expectFailure(command, in: folder, says: ["of memory", "of this machine"])
                }
            }
            try write("graph g {\n  input %x : f32[2, 2]\n  %y = silu(%x) : f32[2, 2]\n  output y = %y\n}\n", to: folder + "/m.ddiff.safetensors")
            try Command.expectFailure(
                ["execute", "m.ddiff.safetensors", "--random-seed", "1", "--input", "x=1048576x65536"], in: folder, says: ["of memory", "of this machine"])
            try write(
                "graph g {\n  input %x : f32[1]\n  %y = timestep_embedding(%x) {dimension = 536870912, max_period = 10000.0} : f32[1, 536870912]\n  output y = %y\n}\n",
                to: folder + "/m.ddiff.safetensors")
            try Command.expectFailure(["export", "m.ddiff.safetensors", "-o", "m.onnx"], in: folder, says: ["cannot hold 268435456 frequencies"])
        }
    }
}
