import DeblurDiff
import Foundation
import GraphIR
import GraphPasses
import Operators
import Tensors
import Testing

/// The step of the released model, optimised.
@Suite struct ReleasedStepTests {
    private func importedStep(height: Int = 512, width: Int = 512) throws -> Graph {
        let graphs = try DeblurDiffArchitecture.graphs(.released, height: height, width: width)
        return try DenoisingStep.graph(graphs, latent: TensorType(.float32, [1, 4, height / 8, width / 8]))
    }

    @Test func leavesNothingStandingAlone() throws {
        let imported = try importedStep()
        let graphs = try optimizeStep(imported, hoisting: DenoisingStep.hoisting, options: PipelineOptions(verifies: true)).graphs
        let (prologue, timeTable, step) = (graphs["prologue"], graphs["time_table"], graphs["step"])
        for graph in [prologue, timeTable, step] { #expect(Verifier.violations(graph) == []) }
        #expect(step.order.count * 3 <= imported.order.count)
        // As Docs/Passes.md has it.
        #expect([imported, step, prologue, timeTable].map(\.order.count) == [2712, 794, 42, 11])
        let allowed: Set = [
            "attention", "conv2d", "convert_layout", "element_wise_adaptive_convolution", "group_statistics", "image_from_tokens", "linear",
            "split", "tokens_from_image",
        ]
        #expect(Set(step.nodeCounts.keys) == allowed)
        // The noisy latent comes in, and the noise goes out, as four planes.
        #expect(step.order.filter { step[$0].op is ConvertLayout }.map(step.name) == ["z.channels_last", "unet.out.conv2d.row_major"])

        let changing = Set(["z", "timestep"] + timeTable.outputs.map(\.name))
        var varying = Set(step.inputs.filter { changing.contains(step[$0].name) })
        for id in step.order {
            #expect(step[id].operands.contains(where: varying.contains), "%\(step.name(of: id)) is the same in every step")
            varying.formUnion(step[id].results)
        }
        #expect(timeTable.nodeCounts == ["timestep_embedding": 2, "linear": 9])
        #expect(timeTable.outputs.count == 3)
        #expect(prologue.nodeCounts == ["convert_layout": 1, "conv2d": 2, "linear": 39])
        #expect(Set(prologue.inputs.map { prologue[$0].name }) == ["c_img", "context"])
        #expect(timeTable.inputs.map { timeTable[$0].name } == ["timestep"])
        #expect(step.input("timestep") == nil && step.input("context") == nil && step.input("c_img") == nil)
    }

    /// Above 512 pixels some windows are real; what is between them is fused all the same.
    @Test func keepsWindowsOfLargerImages() throws {
        let step = try optimizeStep(
            importedStep(height: 576, width: 1024), hoisting: DenoisingStep.hoisting, options: PipelineOptions(verifies: true)
        ).graphs["step"]
        let counts = step.nodeCounts
        #expect(counts["window_partition"] ?? 0 > 0)
        #expect(counts["window_partition"] == counts["window_merge"])
        for op in ["silu", "gelu", "softmax", "unfold", "transpose", "concat", "layer_norm", "group_norm", "matmul"] {
            #expect(counts[op] == nil, "\(counts[op] ?? 0) \(op)")
        }
    }

    @Test func hasNothingLeftToDo() throws {
        let optimized = try optimizeStep(importedStep(), hoisting: DenoisingStep.hoisting)
        let again = try Pipeline.standard(changingInputs: ["z", "timestep"]).run(optimized.graphs["step"])
        #expect(again.log == [])
    }
}
