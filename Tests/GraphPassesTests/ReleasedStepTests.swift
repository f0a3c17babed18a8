import Diffusion
import Foundation
import GraphIR
import GraphPasses
import ModelImport
import Tensors
import Testing

/// The step of the released model at 64x64 latents.
@Suite struct ReleasedStepTests {
    static func importedStep(height: Int = 512, width: Int = 512) throws -> Graph {
        let graphs = try DeblurDiffArchitecture.graphs(.released, height: height, width: width)
        return try DenoisingStep.graph(graphs, latent: TensorType(.float32, [1, 4, height / 8, width / 8]))
    }

    @Test func leavesNothingStandingAlone() throws {
        let imported = try Self.importedStep()
        let start = Date()
        let optimized = try optimizeStep(imported)
        let seconds = Date().timeIntervalSince(start)
        let step = optimized.graphs.step
        print("imported", imported.order.count, "step", step.order.count, "prologue", optimized.graphs.prologue.order.count, "table", optimized.graphs.timeTable.order.count, seconds)
        print(step.nodeCounts)
        print(optimized.graphs.prologue.nodeCounts)
        print(optimized.graphs.timeTable.nodeCounts)
        for s in optimized.statistics { print(s) }
        for id in step.order where ["add","concat"].contains(step[id].op.name) { print(step.line(id)) }
        try step.text.write(toFile: "/tmp/step.txt", atomically: true, encoding: .utf8)
    }
}
